/**
 * Turns texts into vectors, in a separate context, so that the slots keep their caches. It is made
 * when the first text comes: most workers never need it, and its memory is taken for good.
 *
 * Its one sequence takes one text at a time; requests wait for each other.
 */
import { encodeVectors } from '#shared/contracts/inference/vectors.ts'
import { Turns } from '#shared/kit/turns.ts'
import { HaifError } from '#shared/errors.ts'
import type { EmbedInput } from '../../engine.ts'
import type { EmbeddedMessage } from '../messages.ts'
import { toTokens } from './tokens.ts'
import type { Token, Vocabulary } from './vocabulary.ts'

/** Turns tokens into a vector; made by a driver. */
export interface VectorMaker {
  /** Counts also what the model reads before and after every text. */
  lengthOf(tokens: readonly Token[]): number
  vectorOf(tokens: readonly Token[]): Promise<readonly number[] | Float32Array>
}

interface EmbedderOptions {
  vocabulary: Vocabulary
  contextTokens: number
  open: () => Promise<VectorMaker>
}

export class EmbeddingContext {
  readonly #options: EmbedderOptions
  #maker: Promise<VectorMaker> | null = null
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
    const maker = await this.#open()
    const vectors: Float32Array[] = []
    for (const [index, input] of tokens.entries()) {
      if (this.#cancelled.has(id)) return null
      vectors.push(normalised(await this.#vectorOf(maker, input, index)))
    }
    const promptTokens = tokens.reduce((sum, input) => sum + maker.lengthOf(input), 0)
    return { id, vectors: encodeVectors(vectors), promptTokens }
  }

  async #vectorOf(maker: VectorMaker, input: Token[], index: number) {
    const length = maker.lengthOf(input)
    const most = this.#options.contextTokens - 1
    if (length > most) {
      throw new HaifError(
        'CONTEXT_TOO_LONG',
        `input ${index} has ${length} tokens and the model takes ${most}: shorten it`,
        { details: { promptTokens: length, contextTokens: most } }
      )
    }
    const vector = await maker.vectorOf(input)
    if (vector.length > 0 && Array.from(vector).every(Number.isFinite)) return vector
    throw new HaifError('ENGINE_FAILED', `the model gave no vector for input ${index}`)
  }

  #tokensOf(input: EmbedInput, index: number): Token[] {
    const { vocabulary } = this.#options
    if (typeof input === 'string') return nonEmpty(vocabulary.tokenize(input), index)
    return nonEmpty(toTokens(input, vocabulary.size, `input ${index}`), index)
  }

  #open(): Promise<VectorMaker> {
    this.#maker ??= this.#options.open().catch((error: unknown) => {
      this.#maker = null // memory may be free the next time
      throw error
    })
    return this.#maker
  }
}

function nonEmpty(tokens: Token[], index: number): Token[] {
  if (tokens.length > 0) return tokens
  throw new HaifError('VALIDATION_FAILED', `input ${index} is empty`)
}

/** Scales a vector to length 1, for comparisons; one of zeros has no direction and stays. */
function normalised(vector: readonly number[] | Float32Array): Float32Array {
  const length = Math.hypot(...vector)
  return Float32Array.from(vector, (value: number) => (length === 0 ? 0 : value / length))
}
