/**
 * The driver that calls llama.cpp itself. Every call is synchronous and belongs to one thread; a
 * step is one call, during which the thread sees no message.
 */
import assert from 'node:assert/strict'
import type { Drawing, DrawOptions, Driver, Outcome, Part } from '../driver.ts'
import { beginStep, endStep, type StepMemory } from '../step-memory.ts'
import type { Token } from '../vocabulary.ts'
import { CandidateArray } from './candidates.ts'
import type { ThreadCounts } from '../schedule/thread-choice.ts'
import type { NativeContext } from './native-context.ts'
import { LogitViews } from './api/native-memory.ts'
import { scoreOf } from './logits.ts'
import { NativeDrawing } from './native-drawing.ts'
import { Shortlists } from './shortlist/shortlists.ts'

interface NativeDriverOptions {
  slots: number
  vocabularySize: number
  /** Told when a step begins and ends, for who watches over it and may break it off. */
  step: StepMemory
}

export class NativeDriver implements Driver {
  readonly seesLogits = true
  readonly #context: NativeContext
  readonly #vocabularySize: number
  /** The tokens in each slot's cache. */
  readonly #cached: Token[][]
  readonly #candidates: CandidateArray
  readonly #views: LogitViews
  readonly #shortlists: Shortlists
  readonly #step: StepMemory

  constructor(context: NativeContext, { slots, vocabularySize, step }: NativeDriverOptions) {
    this.#context = context
    this.#step = step
    this.#vocabularySize = vocabularySize
    this.#cached = Array.from({ length: slots }, () => [])
    this.#candidates = new CandidateArray(vocabularySize)
    const views = (this.#views = new LogitViews(vocabularySize))
    const logitsAt = (address: bigint) => views.at(address)
    this.#shortlists = new Shortlists({ rowsMax: slots, vocabularySize, logitsAt })
  }

  get slots(): number {
    return this.#cached.length
  }

  /** Tokens of one slot. */
  get contextTokens(): number {
    return this.#context.contextTokens
  }

  setThreads(counts: ThreadCounts): void {
    this.#context.setThreads(counts)
  }

  cachedTokens(slot: number): number {
    return this.#cached[slot]!.length
  }

  sharedTokens(slot: number, tokens: readonly Token[]): number {
    const cached = this.#cached[slot]!
    const most = Math.min(cached.length, tokens.length)
    let shared = 0
    while (shared < most && cached[shared] === tokens[shared]) shared++
    return shared
  }

  async keepShared(slot: number, tokens: readonly Token[]): Promise<number> {
    return this.#cut(slot, this.sharedTokens(slot, tokens))
  }

  async copyPrefix(target: number, source: number, tokens: number): Promise<boolean> {
    this.#context.copy(source, target)
    this.#cached[target] = [...this.#cached[source]!]
    return this.#cut(target, tokens) === tokens
  }

  async clear(slot: number): Promise<void> {
    this.#cut(slot, 0)
  }

  draw(_slot: number, options: DrawOptions): Drawing {
    const { model, pointer } = this.#context
    const from = { api: model.api, ctx: pointer, candidates: this.#candidates }
    return new NativeDrawing(from, options, this.#vocabularySize)
  }

  async compute(parts: readonly Part[], onlyRequest = 0): Promise<Outcome[]> {
    beginStep(this.#step, onlyRequest)
    const outcomes: Outcome[] = []
    for (const batch of this.#batchesOf(parts)) outcomes.push(...this.#computeBatch(batch))
    endStep(this.#step)
    return outcomes
  }

  /** As many parts as fit at a time; a step with fewer tokens than a batch is one. */
  *#batchesOf(parts: readonly Part[]): Generator<Part[]> {
    const { outputsMax } = this.#context
    const { tokensMax } = this.#context.batch
    let batch: Part[] = []
    let [size, outputs] = [0, 0]
    for (const part of parts) {
      const partOutputs = outputsOf(part)
      assert(part.tokens.length <= tokensMax, 'a piece of a prompt is longer than a batch')
      assert(
        partOutputs <= outputsMax,
        'a piece of a prompt has more outputs than there is room for'
      )
      if (size + part.tokens.length > tokensMax || outputs + partOutputs > outputsMax) {
        yield batch
        ;[batch, size, outputs] = [[], 0, 0]
      }
      batch.push(part)
      size += part.tokens.length
      outputs += partOutputs
    }
    if (batch.length > 0) yield batch
  }

  #computeBatch(parts: readonly Part[]): Outcome[] {
    const { batch } = this.#context
    try {
      batch.clear()
      const places = parts.map(({ slot, tokens, drawing, score }) =>
        batch.add(tokens, {
          sequence: slot,
          position: this.cachedTokens(slot),
          output: score !== undefined ? 'all' : drawing === null ? 'none' : 'last'
        })
      )
      if (!this.#context.decode()) {
        this.#cutBack(parts)
        return parts.map(() => ({ brokenOff: true }))
      }
      for (const { slot, tokens } of parts) this.#cached[slot]!.push(...tokens)
      const drawn = this.#drawAll(parts, places)
      return drawn.map((outcome, i) => this.#withScores(outcome, parts[i]!, places[i]!))
    } catch (error) {
      this.#cutBack(parts)
      return parts.map(() => ({ error }))
    }
  }

  #withScores(outcome: Outcome, { tokens, score }: Part, lastPlace: number): Outcome {
    if (score === undefined || (outcome !== null && 'error' in outcome)) return outcome
    const firstPlace = lastPlace - tokens.length + 1
    const scores = score.following.map((token, i) => {
      const logits = this.#views.at(this.#context.logitsAddress(firstPlace + i))
      return scoreOf(token, logits, score.topLogprobs)
    })
    return { ...outcome, scores }
  }

  /** Parts of the batch may be in the caches: they are cut back to what is known. */
  #cutBack(parts: readonly Part[]): void {
    for (const { slot } of parts) this.#cut(slot, this.cachedTokens(slot))
  }

  #drawAll(parts: readonly Part[], places: readonly number[]): Outcome[] {
    const outputs = parts.map(({ drawing }, i) => {
      if (drawing === null) return null
      assert(drawing instanceof NativeDrawing)
      const address = this.#context.logitsAddress(places[i]!)
      return { drawing, place: places[i]!, address, size: drawing.shortlistSize }
    })
    const rows = outputs.flatMap((output) => (output !== null && output.size > 0 ? [output] : []))
    const shortlists = new Map(this.#shortlists.of(rows).map((list, i) => [rows[i]!, list]))
    return outputs.map((output) => {
      if (output === null) return null
      const { drawing, place, address } = output
      try {
        return drawing.next(this.#views.at(address), place, shortlists.get(output))
      } catch (error) {
        return { error }
      }
    })
  }

  /** Returns the tokens that are left: a recurrent state can only be cut to nothing. */
  #cut(slot: number, tokens: number): number {
    const left = this.#context.cut(slot, tokens) ? tokens : 0
    if (left < tokens) assert(this.#context.cut(slot, 0))
    this.#cached[slot]!.length = Math.min(left, this.cachedTokens(slot))
    return left
  }
}

const outputsOf = ({ tokens, drawing, score }: Part): number =>
  score !== undefined ? tokens.length : drawing === null ? 0 : 1
