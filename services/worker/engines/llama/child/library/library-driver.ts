/**
 * The driver on `node-llama-cpp`. Left to itself the library decodes a batch before the last
 * sequence has asked again, in the order in which they asked, which llama.cpp splits into several
 * smaller ones: 115 tokens/s with 16 streams instead of 310. So all ask in the same tick, in
 * ascending order.
 */
import assert from 'node:assert/strict'
import type { LlamaContextSequence } from 'node-llama-cpp'
import type { Drawing, DrawOptions, Driver, Outcome, Part } from '../driver.ts'
import type { Token } from '../vocabulary.ts'
import { LibraryDrawing } from './library-drawing.ts'

export class LibraryDriver implements Driver {
  /** What the library reports has been through its samplers. */
  readonly seesLogits = false
  readonly #sequences: readonly LlamaContextSequence[]

  constructor(sequences: readonly LlamaContextSequence[]) {
    this.#sequences = sequences
  }

  get slots(): number {
    return this.#sequences.length
  }

  cachedTokens(slot: number): number {
    return this.#of(slot).nextTokenIndex
  }

  sharedTokens(slot: number, tokens: readonly Token[]): number {
    return this.#of(slot).compareContextTokens([...tokens]).firstDifferentIndex
  }

  async keepShared(slot: number, tokens: readonly Token[]): Promise<number> {
    const sequence = this.#of(slot)
    await sequence.adaptStateToTokens([...tokens], false)
    return sequence.nextTokenIndex
  }

  /** The library does it for itself (its token predictors) and has no public name for it. */
  async copyPrefix(target: number, source: number, tokens: number): Promise<boolean> {
    const from = this.#of(source)
    // A state that cannot be cut back would bring along what follows the prefix.
    if (from.needsCheckpoints) return false
    const copy = (this.#of(target) as unknown as Record<string, Copy | undefined>)[COPY]
    if (typeof copy !== 'function') return false
    if (await copy.call(this.#of(target), from, tokens)) return true
    await this.clear(target)
    return false
  }

  async clear(slot: number): Promise<void> {
    await this.#of(slot).clearHistory()
  }

  draw(slot: number, options: DrawOptions): Drawing {
    return new LibraryDrawing(this.#of(slot), options)
  }

  compute(parts: readonly Part[]): Promise<Outcome[]> {
    return Promise.all(parts.map((part) => this.#advance(part)))
  }

  async #advance({ slot, tokens, drawing }: Part): Promise<Outcome> {
    try {
      if (drawing === null) {
        await this.#of(slot).evaluateWithoutGeneratingNewTokens([...tokens])
        return null
      }
      assert(drawing instanceof LibraryDrawing)
      return await drawing.next(tokens)
    } catch (error) {
      return { error }
    }
  }

  #of(slot: number): LlamaContextSequence {
    return this.#sequences[slot]!
  }
}

type Copy = (source: LlamaContextSequence, tokens: number) => Promise<boolean | undefined>
const COPY = '_copyStateFromOtherSequence'
