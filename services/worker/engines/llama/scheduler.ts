/**
 * Continuous batching: one loop drives all slots, and every step moves each busy slot by one unit (a
 * piece of its prompt, or one token). Requests join and leave between two steps.
 *
 * Left to itself the library decodes a batch before the last sequence has asked again, in the order
 * in which they asked, which llama.cpp splits into several smaller ones: 115 tokens/s with 16
 * streams instead of 310. So all ask in the same tick, in ascending order.
 */
import assert from 'node:assert/strict'
import type {
  LlamaContextSequence,
  LlamaGrammarEvaluationState,
  Token,
  TokenBias
} from 'node-llama-cpp'
import type { GenerateEnd } from '../engine.ts'
import type { Sampling } from '#shared/contracts/inference.ts'
import { Answer, type AnswerLimits } from './answer.ts'
import type { Calibration } from './calibrate.ts'
import { toFailure } from './failure.ts'
import type { KvTokens, PartExtras, StepMessage } from './messages.ts'
import { chooseSource, type CopyPrefix } from './prefix-copy.ts'
import { PromptBudget } from './prompt-budget.ts'
import { evaluateOptions } from './sampling.ts'
import { chooseSlot } from './slot-choice.ts'
import { StepReports } from './step-reports.ts'
import { StepRates } from './step-rates.ts'
import { tokenLogprob } from './token-logprobs.ts'

export interface Job {
  id: number
  limits: AnswerLimits
  sampling: Sampling
  resumeTokens: readonly Token[]
  /** How many tokens the resumed part counts as, where it is not the number of `resumeTokens`. */
  resumeCount?: number
  /** After the resumed tokens. */
  grammar?: LlamaGrammarEvaluationState
  tokenBias?: TokenBias
  /** Likely tokens to name beside each; absent: no logprobs. */
  topLogprobs?: number
}

/** What is used of the library's sequence: one slot's part of the cache. */
export type Sequence = Pick<
  LlamaContextSequence,
  | 'nextTokenIndex'
  | 'compareContextTokens'
  | 'adaptStateToTokens'
  | 'clearHistory'
  | 'evaluate'
  | 'evaluateWithoutGeneratingNewTokens'
> &
  Partial<Pick<LlamaContextSequence, 'evaluateWithMetadata'>>

/** A token, and what the model held of it and of all others. */
interface Drawn {
  token: Token
  probabilities: ReadonlyMap<Token, number>
}

export interface SchedulerDeps {
  sequences: readonly Sequence[]
  /** Absent: a prefix is computed again where its slot is taken. */
  copyPrefix?: CopyPrefix<Sequence>
  calibration: Pick<Calibration, 'rates' | 'decodeSteps'>
  creditTokens: number
  /** Called once after each step in which something happened. */
  onStep: (step: StepMessage) => void
  /** A slot cannot be brought back to order: the process should be replaced. */
  onBroken: (error: unknown) => void
  now?: () => number
}

interface Task {
  job: Job
  answer: Answer
  /** Tokens that the answer may grow before its reader must have taken some. */
  credit: number
  cancelled: boolean
  arrivedAt: number
  startedAt: number
  firstTokenAt: number
  /** Prompt tokens found in the slot's cache. */
  reusedTokens: number
  /** Prompt tokens not yet computed; null before the cache has been looked at. */
  rest: Token[] | null
  /** Exists from the last piece of the prompt on. */
  generator: AsyncGenerator<Token | Drawn, void> | null
}

interface Slot {
  index: number
  sequence: Sequence
  usedAt: number
  task: Task | null
}

export class Scheduler {
  readonly #deps: SchedulerDeps
  readonly #now: () => number
  readonly #slots: Slot[]
  readonly #rates: StepRates
  readonly #budget = new PromptBudget()
  readonly #reports: StepReports
  readonly #waiting: Task[] = []
  #running = false
  #stepStartedAt: number | null = null

  constructor(deps: SchedulerDeps) {
    this.#deps = deps
    this.#now = deps.now ?? (() => performance.now())
    this.#rates = new StepRates(deps.calibration)
    this.#slots = deps.sequences.map((sequence, index) => {
      return { index, sequence, usedAt: 0, task: null }
    })
    this.#reports = new StepReports(deps.onStep)
  }

  /** Milliseconds that the step in progress has taken; 0 between steps. */
  get stepMs(): number {
    return this.#stepStartedAt === null ? 0 : this.#now() - this.#stepStartedAt
  }

  /** In the caches of the slots. */
  get kvTokens(): KvTokens {
    let [runningTokens, keptTokens] = [0, 0]
    for (const { task, sequence } of this.#slots) {
      if (task === null) keptTokens += sequence.nextTokenIndex
      else runningTokens += sequence.nextTokenIndex
    }
    return { runningTokens, keptTokens }
  }

  submit(job: Job): void {
    const task = this.#taskOf(job)
    for (const token of job.resumeTokens) {
      if (task.answer.finishReason === null) task.answer.replay(token)
    }
    task.answer.takeReasoning() // sent already
    task.answer.takeToolCalls()
    this.#waiting.push(task)
    this.#wake()
  }

  cancel(id: number): void {
    const at = this.#waiting.findIndex((task) => task.job.id === id)
    if (at !== -1) this.#waiting.splice(at, 1)
    const slot = this.#slotOf(id)
    if (slot?.task) slot.task.cancelled = true
    this.#wake()
  }

  /** The reader took so many tokens. */
  credit(id: number, tokens: number): void {
    const task = this.#slotOf(id)?.task ?? this.#waiting.find((waiting) => waiting.job.id === id)
    if (task === undefined) return // it ended while the message was on its way
    task.credit += tokens
    this.#wake()
  }

  #taskOf(job: Job): Task {
    return {
      job,
      answer: new Answer(job.limits),
      credit: this.#deps.creditTokens,
      cancelled: false,
      arrivedAt: this.#now(),
      startedAt: 0,
      firstTokenAt: 0,
      reusedTokens: 0,
      rest: null,
      generator: null
    }
  }

  #slotOf(id: number): Slot | undefined {
    return this.#slots.find((slot) => slot.task?.job.id === id)
  }

  #wake(): void {
    if (this.#running) return
    this.#running = true
    this.#run().catch(this.#deps.onBroken)
  }

  async #run(): Promise<void> {
    await Promise.resolve() // let every request of this tick join the first step
    for (;;) {
      await this.#leave()
      this.#join()
      const moving = this.#slots.filter((slot) => slot.task !== null && slot.task.credit > 0)
      if (moving.length === 0) break // a submit, a credit or a cancel starts the loop again
      await this.#step(moving)
      this.#reports.close(this.#rates.rates)
    }
    this.#reports.close(this.#rates.rates)
    this.#reports.sendNow()
    this.#running = false
  }

  /** Frees the slots of requests that were cancelled. */
  async #leave(): Promise<void> {
    for (const slot of this.#slots) if (slot.task?.cancelled) await this.#free(slot)
  }

  #join(): void {
    while (this.#waiting.length > 0) {
      const free = this.#slots.filter((slot) => slot.task === null)
      const task = this.#waiting[0]!
      const tokens = contextOf(task)
      const index = chooseSlot(
        free.map((slot) => ({
          index: slot.index,
          usedAt: slot.usedAt,
          cachedTokens: slot.sequence.nextTokenIndex,
          sharedTokens: slot.sequence.compareContextTokens(tokens).firstDifferentIndex
        })),
        this.#slots.length - free.length
      )
      if (index === null) return
      this.#waiting.shift()
      task.startedAt = this.#now()
      // What a resumed answer already has may be all of it.
      if (task.answer.finishReason !== null) this.#end(task)
      else this.#slots[index]!.task = task
    }
  }

  /**
   * Answers and prompts are computed one after the other. In one batch llama.cpp would take them apart
   * anyway, and a long prompt among them makes every answer attend over as many places as it has.
   */
  async #step(moving: readonly Slot[]): Promise<void> {
    this.#stepStartedAt = this.#now()
    const writing = moving.filter((slot) => slot.task!.generator !== null)
    const reading = byArrival(moving.filter((slot) => slot.task!.generator === null))
    let budget = this.#budget.next({
      writing: writing.length,
      reading: reading.length,
      decodeStepMs: this.#rates.decodeStepMs(moving.length),
      prefillTokensPerSecond: this.#rates.rates.prefill
    })
    const pieces = new Map<Slot, number>()
    let promptTokens = 0
    for (const slot of reading) {
      const piece = Math.min(budget, await this.#promptRest(slot))
      pieces.set(slot, piece)
      budget -= piece
      promptTokens += piece
    }
    if (writing.length > 0) {
      const ms = await this.#advanceAll(writing, pieces)
      this.#rates.record({ ms, decoding: writing.length, promptTokens: 0 })
      this.#reports.close(this.#rates.rates)
    }
    if (promptTokens > 0) {
      const inOrder = moving.filter((slot) => pieces.has(slot))
      const ms = await this.#advanceAll(inOrder, pieces)
      this.#rates.record({ ms, decoding: 0, promptTokens })
      if (writing.length > 0) this.#budget.spent(ms)
    }
    this.#stepStartedAt = null
  }

  /** In the order of the slots, all in the same tick; returns how many milliseconds it took. */
  async #advanceAll(slots: readonly Slot[], pieces: ReadonlyMap<Slot, number>): Promise<number> {
    const startedAt = this.#now()
    const busy = slots.filter((slot) => slot.task !== null)
    const advancing = Promise.all(busy.map((slot) => this.#advance(slot, pieces.get(slot) ?? 0)))
    this.#reports.sendSoon()
    await advancing
    return this.#now() - startedAt
  }

  /** Prompt tokens still to compute. The first time, the slot's cache is cut to what it shares. */
  async #promptRest(slot: Slot): Promise<number> {
    const task = slot.task!
    try {
      task.rest ??= await this.#reuseCache(slot, task)
      return task.rest.length
    } catch (error) {
      await this.#giveUp(slot, task, error)
      return 0
    }
  }

  async #reuseCache({ index, sequence }: Slot, task: Task): Promise<Token[]> {
    const tokens = contextOf(task)
    await this.#copyToSlot(index, tokens)
    // At least one token must be computed, or there is nothing to draw the next one from.
    await sequence.adaptStateToTokens(tokens.slice(0, -1), false)
    const kept = sequence.nextTokenIndex
    task.reusedTokens = Math.min(kept, task.job.limits.promptTokens.length)
    return tokens.slice(kept)
  }

  /** From the slot that has most of it; between two steps no slot's cache changes. */
  async #copyToSlot(index: number, tokens: Token[]): Promise<void> {
    const { copyPrefix } = this.#deps
    if (copyPrefix === undefined) return
    const holders = this.#slots.map(({ sequence }, at) => {
      return { index: at, sharedTokens: sequence.compareContextTokens(tokens).firstDifferentIndex }
    })
    const others = holders.filter((holder) => holder.index !== index)
    const source = chooseSource(holders[index]!, others)
    if (source === null) return
    const sequenceOf = (at: number) => this.#slots[at]!.sequence
    await copyPrefix(sequenceOf(index), sequenceOf(source.index), source.sharedTokens)
  }

  async #advance(slot: Slot, piece: number): Promise<void> {
    const task = slot.task!
    try {
      const drawn = await this.#advanceOne(slot, task, piece)
      if (drawn === null || task.cancelled) return
      task.firstTokenAt ||= this.#now()
      task.credit--
      const token = typeof drawn === 'number' ? drawn : drawn.token
      const text = task.answer.push(token)
      const extras = extrasOf(task, drawn)
      const { id } = task.job
      this.#reports.current.parts.push(
        extras === null ? [id, [token], text] : [id, [token], text, extras]
      )
      if (task.answer.finishReason === null) return
      this.#end(task)
      await this.#free(slot)
    } catch (error) {
      await this.#giveUp(slot, task, error)
    }
  }

  /** One failing request must not stop the step of the others. */
  async #giveUp(slot: Slot, task: Task, error: unknown): Promise<void> {
    this.#reports.current.failures.push([task.job.id, toFailure(error)])
    await this.#free(slot)
    await slot.sequence.clearHistory()
  }

  async #advanceOne(slot: Slot, task: Task, piece: number): Promise<Token | Drawn | null> {
    if (task.generator === null) {
      if (piece === 0 || task.rest === null) return null // the others' prompts took the budget
      const tokens = task.rest.slice(0, piece)
      task.rest = task.rest.slice(piece)
      if (task.rest.length > 0) {
        await slot.sequence.evaluateWithoutGeneratingNewTokens(tokens)
        return null
      }
      task.generator = generatorOf(slot.sequence, task, tokens)
    }
    const { value, done } = await task.generator.next()
    if (done) throw new Error('the library ended the answer without an end token')
    return value
  }

  async #free(slot: Slot): Promise<void> {
    const generator = slot.task?.generator
    slot.task = null
    slot.usedAt = this.#now()
    await generator?.return()
  }

  #end(task: Task): void {
    const now = this.#now()
    const firstTokenAt = task.firstTokenAt || now
    const end: GenerateEnd = {
      finishReason: task.answer.finishReason ?? 'stop',
      usage: {
        promptTokens: task.job.limits.promptTokens.length,
        cachedPromptTokens: task.reusedTokens,
        completionTokens: countedTokens(task)
      },
      timings: {
        queueMs: round(task.startedAt - task.arrivedAt),
        prefillMs: round(firstTokenAt - task.startedAt),
        decodeMs: round(now - firstTokenAt)
      }
    }
    this.#reports.current.ends.push([task.job.id, end])
  }
}

function generatorOf(sequence: Sequence, { job, answer }: Task, tokens: Token[]) {
  const { limits, sampling, grammar, tokenBias, topLogprobs } = job
  const options = {
    ...evaluateOptions(sampling, {
      promptTokens: limits.promptTokens,
      answerTokens: answer.tokens
    }),
    ...(grammar === undefined ? {} : { grammarEvaluationState: grammar }),
    ...(limits.tools === undefined ? {} : { grammarEvaluationState: () => answer.grammar }),
    ...(tokenBias === undefined ? {} : { tokenBias })
  }
  if (topLogprobs === undefined) return sequence.evaluate(tokens, options)
  assert(sequence.evaluateWithMetadata !== undefined)
  return sequence.evaluateWithMetadata(tokens, { probabilities: true }, options)
}

function extrasOf({ job, answer }: Task, drawn: Token | Drawn): PartExtras | null {
  const reasoning = answer.takeReasoning()
  const toolCalls = answer.takeToolCalls()
  const extras: PartExtras = {
    ...(reasoning === '' ? {} : { reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls })
  }
  if (typeof drawn === 'number') return Object.keys(extras).length === 0 ? null : extras
  const textOf = (token: Token) => job.limits.detokenize([token], [])
  extras.logprobs = [tokenLogprob(drawn.token, drawn.probabilities, job.topLogprobs ?? 0, textOf)]
  return extras
}

function countedTokens({ job, answer }: Task): number {
  const { resumeTokens, resumeCount = resumeTokens.length } = job
  return answer.tokens.length - resumeTokens.length + resumeCount
}

/** Everything that must be in the slot's cache before the next token can be drawn. */
function contextOf(task: Task): Token[] {
  return [...task.job.limits.promptTokens, ...task.job.resumeTokens]
}

/** Who came first is read first: sharing the budget would make all of them late. */
function byArrival(slots: readonly Slot[]): Slot[] {
  return slots.toSorted((a, b) => a.task!.arrivedAt - b.task!.arrivedAt)
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}
