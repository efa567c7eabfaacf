/** Vectors of texts as `node-llama-cpp` makes them. */
import type { LlamaEmbeddingContext, LlamaModel } from 'node-llama-cpp'
import type { VectorMaker } from '../embedding-context.ts'
import { PROMPT_STEP_TOKENS_MAX } from '../schedule/prompt-budget.ts'
import type { Token } from '../vocabulary.ts'

export async function openLibraryEmbedding(
  model: LlamaModel,
  { contextTokens, threads }: { contextTokens: number; threads: number }
): Promise<VectorMaker> {
  // An encoder reads a text in one piece; others would only need memory for it.
  const batchSize = model.fileInsights.hasEncoder ? contextTokens : PROMPT_STEP_TOKENS_MAX
  const options = { contextSize: contextTokens, batchSize, threads }
  return new LibraryVectorMaker(await model.createEmbeddingContext(options))
}

class LibraryVectorMaker implements VectorMaker {
  readonly #context: LlamaEmbeddingContext

  constructor(context: LlamaEmbeddingContext) {
    this.#context = context
  }

  lengthOf(tokens: readonly Token[]): number {
    return this.#context.calculateInputLength([...tokens])
  }

  async vectorOf(tokens: readonly Token[]): Promise<readonly number[]> {
    const { vector } = await this.#context.getEmbeddingFor([...tokens])
    return vector
  }
}
