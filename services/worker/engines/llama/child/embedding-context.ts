/**
 * Turns texts into vectors, in a separate context, so that the slots keep their caches. It is made
 * when the first text comes: most workers never need it, and its memory is taken for good.
 *
 * Its one sequence takes one text at a time; requests wait for each other.
 */
import type { LlamaEmbeddingContext, LlamaModel } from 'node-llama-cpp'
import { encodeVectors } from '#shared/contracts/inference/vectors.ts'
import { Turns } from '#shared/kit/turns.ts'
import { HaifError } from '#shared/errors.ts'
import type { EmbedInput } from '../../engine.ts'
import type { EmbeddedMessage } from '../messages.ts'
import { PROMPT_STEP_TOKENS_MAX } from './schedule/prompt-budget.ts'
import { toTokens } from './tokens.ts'
import type { Token, Vocabulary } from './vocabulary.ts'

interface EmbedderOptions {
  model: LlamaModel
  vocabulary: Vocabulary
  contextTokens: number
  threads: number
}

export class EmbeddingContext {
  readonly #options: EmbedderOptions
  #context: Promise<LlamaEmbeddingContext> | null = null
  readonly #turns = new Turns()
  readonly #cancelled = new Set<number>()

  constructor(options: EmbedderOptions) {
    this.#options = options
  }

  /** Resolves to null when the call was cancelled. */
  embed(id: number, inputs: readonly EmbedInput[]): Promise<Omit<EmbeddedMessage, 'kind'> | null> {
    return this.#turns
      .run(() => this.#embedAll(id, inputs))
      .finally(() => this.#cancelled.delete(id))
  }

  cancel(id: number): void {
    this.#cancelled.add(id)
  }

  async #embedAll(id: number, inputs: readonly EmbedInput[]) {
    const tokens = inputs.map((input, index) => this.#tokensOf(input, index))
    const context = await this.#open()
    const vectors: Float32Array[] = []
    for (const [index, input] of tokens.entries()) {
      if (this.#cancelled.has(id)) return null
      vectors.push(normalised(await this.#vectorOf(context, input, index)))
    }
    const promptTokens = tokens.reduce((sum, input) => sum + context.calculateInputLength(input), 0)
    return { id, vectors: encodeVectors(vectors), promptTokens }
  }

  async #vectorOf(context: LlamaEmbeddingContext, input: Token[], index: number) {
    const length = context.calculateInputLength(input)
    const most = this.#contextTokens - 1
    if (length > most) {
      throw new HaifError(
        'CONTEXT_TOO_LONG',
        `input ${index} has ${length} tokens and the model takes ${most}: shorten it`,
        { details: { promptTokens: length, contextTokens: most } }
      )
    }
    const { vector } = await context.getEmbeddingFor(input)
    if (vector.length > 0 && vector.every(Number.isFinite)) return vector
    throw new HaifError('ENGINE_FAILED', `the model gave no vector for input ${index}`)
  }

  #tokensOf(input: EmbedInput, index: number): Token[] {
    const { vocabulary } = this.#options
    if (typeof input === 'string') return nonEmpty(vocabulary.tokenize(input), index)
    return nonEmpty(toTokens(input, vocabulary.size, `input ${index}`), index)
  }

  #open(): Promise<LlamaEmbeddingContext> {
    this.#context ??= this.#create().catch((error: unknown) => {
      this.#context = null // memory may be free the next time
      throw error
    })
    return this.#context
  }

  #create(): Promise<LlamaEmbeddingContext> {
    const { model, threads } = this.#options
    // An encoder reads a text in one piece; others would only need memory for it.
    const batchSize = model.fileInsights.hasEncoder ? this.#contextTokens : PROMPT_STEP_TOKENS_MAX
    return model.createEmbeddingContext({ contextSize: this.#contextTokens, batchSize, threads })
  }

  get #contextTokens(): number {
    return this.#options.contextTokens
  }
}

function nonEmpty(tokens: Token[], index: number): Token[] {
  if (tokens.length > 0) return tokens
  throw new HaifError('VALIDATION_FAILED', `input ${index} is empty`)
}

/** Scales a vector to length 1, for comparisons; one of zeros has no direction and stays. */
function normalised(vector: readonly number[]): Float32Array {
  const length = Math.hypot(...vector)
  return Float32Array.from(vector, (value) => (length === 0 ? 0 : value / length))
}
