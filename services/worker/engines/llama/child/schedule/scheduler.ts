/**
 * Continuous batching: one loop drives all slots, and every step moves each busy slot by one unit
 * (a piece of its prompt, or one token). Requests join and leave between two steps.
 */
import type { Calibration } from '../load-model.ts'
import type { Driver, Drawn, Outcome, Part, Scored } from '../driver.ts'
import { SCORED_TOKENS_MAX } from '../driver.ts'
import { drawOptionsOf, extrasOf } from './draw.ts'
import type { Job } from '../job.ts'
import { toFailure, type KvTokens, type StepMessage } from '../../messages.ts'
import { PromptBudget, type PromptTurn } from './prompt-budget.ts'
import { sharesOf } from './prompt-order.ts'
import { kvTokensOf, reuseCache, slotFor, type Slot } from './slot-cache.ts'
import { StepReports } from './step-reports.ts'
import { StepRates, type Step } from './step-rates.ts'
import { endOf, newTask, scopedPrompt, type Task } from './task.ts'

interface SchedulerDeps {
  driver: Driver
  calibration: Pick<Calibration, 'rates' | 'decodeSteps' | 'choice'>
  creditTokens: number
  /** Called once after each step in which something happened. */
  onStep: (step: StepMessage) => void
  /** True where nothing can be sent while the driver computes. */
  sendsAtOnce?: boolean
  /** Called when a slot cannot be brought back to order: the process should be replaced. */
  onBroken: (error: unknown) => void
  now?: () => number
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
    this.#slots = Array.from({ length: deps.driver.slots }, (_, index) => {
      return { index, usedAt: 0, cacheScope: '', task: null }
    })
    this.#reports = new StepReports(deps.onStep, deps.sendsAtOnce)
  }

  /** When the step in progress began; null between steps. */
  get stepStartedAt(): number | null {
    return this.#stepStartedAt
  }

  get kvTokens(): KvTokens {
    return kvTokensOf(this.#slots, this.#deps.driver)
  }

  submit(job: Job): void {
    this.#waiting.push(newTask(job, this.#deps.creditTokens, this.#now()))
    this.#wake()
  }

  cancel(id: number): void {
    const at = this.#waiting.findIndex((task) => task.job.id === id)
    if (at !== -1) this.#waiting.splice(at, 1)
    const slot = this.#slotOf(id)
    if (slot?.task) slot.task.cancelled = true
    this.#wake()
  }

  /** The reader has taken `tokens` more, so that the answer may grow by as many. */
  credit(id: number, tokens: number): void {
    const task = this.#slotOf(id)?.task ?? this.#waiting.find((waiting) => waiting.job.id === id)
    if (task === undefined) return // it ended while the message was on its way
    task.credit += tokens
    this.#wake()
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
      // What has arrived during the last step joins and leaves before the next.
      if (this.#deps.sendsAtOnce === true) await new Promise(setImmediate)
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
      const task = this.#waiting[0]!
      const slot = slotFor(scopedPrompt(task), this.#slots, this.#deps.driver)
      if (slot === null) return
      this.#waiting.shift()
      task.startedAt = this.#now()
      // A resumed answer may be complete already.
      if (task.answer.finishReason !== null && task.scores === null) this.#end(task)
      else slot.task = task
    }
  }

  /**
   * A step is one of answers or one of prompts. In one batch llama.cpp would take them apart
   * anyway, and a long prompt among them makes every answer attend over as many places as it has.
   */
  async #step(moving: readonly Slot[]): Promise<void> {
    this.#stepStartedAt = this.#now()
    const writing = moving.filter((slot) => slot.task!.drawing !== null)
    const reading = moving.filter((slot) => slot.task!.drawing === null)
    const rests = new Map<Slot, number>()
    for (const slot of reading) rests.set(slot, await this.#promptRest(slot))
    const prompts = [...rests].filter(([, rest]) => rest > 0)
    const cost = {
      writing: writing.length,
      reading: prompts.length,
      readingTokens: sum(rests.values()),
      shortestTokens: Math.min(...prompts.map(([, rest]) => rest)),
      decodeStepMs: this.#rates.decodeStepMs(writing.length),
      leastStepMs: this.#rates.decodeStepMs(1),
      prefillTokensPerSecond: this.#rates.rates.prefill
    }
    const turn = this.#budget.next(cost)
    if (turn.tokens > 0) {
      const pieces = piecesOf(prompts, turn)
      const inOrder = moving.filter((slot) => pieces.has(slot))
      const ms = await this.#advanceAll(inOrder, pieces)
      const tokens = sum(pieces.values())
      if (ms !== null) {
        // A piece that is scored takes longer than others: it says nothing of them.
        const isPlain = inOrder.every((slot) => slot.task?.scores == null)
        if (isPlain) this.#record({ ms, decoding: 0, promptTokens: tokens })
        this.#budget.read({ tokens, ms, writing: writing.length })
      }
    } else if (writing.length > 0) {
      const ms = await this.#advanceAll(writing, new Map())
      if (ms !== null) this.#record({ ms, decoding: writing.length, promptTokens: 0 })
      this.#budget.earned(cost)
    }
    this.#stepStartedAt = null
  }

  #record(step: Step): void {
    this.#rates.record(step)
    const { driver, calibration } = this.#deps
    const { choice } = calibration
    if (choice === undefined || driver.setThreads === undefined) return
    const { ms, decoding, promptTokens } = step
    if (promptTokens > 0 && promptTokens < COMPARABLE_TOKENS) return
    const kind = promptTokens > 0 ? 'prompt' : String(decoding)
    const before = choice.counts
    choice.record({ kind, units: Math.max(1, promptTokens), ms }, this.#now())
    if (choice.counts !== before) driver.setThreads(choice.counts)
  }

  /**
   * Computes what these slots add to the step, and returns the milliseconds it took; null where it
   * was broken off.
   */
  async #advanceAll(
    slots: readonly Slot[],
    pieces: ReadonlyMap<Slot, number>
  ): Promise<number | null> {
    const startedAt = this.#now()
    const busy = slots.filter((slot) => slot.task !== null)
    const parts = busy
      .map((slot) => this.#partOf(slot, pieces.get(slot) ?? 0))
      .filter((part) => part !== null)
    const isOne = parts.length === 1 && pieces.size > 0
    const only = isOne ? this.#slots[parts[0]!.slot]!.task!.job.id : 0
    const computing = this.#deps.driver.compute(parts, only)
    this.#reports.sendSoon()
    const outcomes = await computing
    let isWhole = true
    for (const [i, part] of parts.entries()) {
      const [slot, outcome] = [this.#slots[part.slot]!, outcomes[i]!]
      if (outcome !== null && 'brokenOff' in outcome) {
        isWhole = false
        if (pieces.has(slot)) await this.#takeBack(slot.task!, part)
      } else await this.#take(slot, outcome, part)
    }
    return isWhole ? this.#now() - startedAt : null
  }

  /**
   * Returns the number of prompt tokens still to compute; first it cuts the cache to the shared
   * part.
   */
  async #promptRest(slot: Slot): Promise<number> {
    const task = slot.task!
    try {
      if (task.rest === null) {
        const prompt = scopedPrompt(task)
        task.rest = await reuseCache(slot, prompt, this.#slots, this.#deps.driver)
        const kept = prompt.tokens.length - task.rest.length
        task.reusedTokens = Math.min(kept, task.job.limits.promptTokens.length)
      }
      return task.rest.length
    } catch (error) {
      await this.#giveUp(slot, task, error)
      return 0
    }
  }

  /** Returns null for a prompt that has to wait, because the others' took the budget. */
  #partOf(slot: Slot, piece: number): Part | null {
    const task = slot.task!
    if (task.drawing !== null) {
      return { slot: slot.index, tokens: task.answer.tokens.slice(-1), drawing: task.drawing }
    }
    if (piece === 0 || task.rest === null) return null
    const tokens = task.rest.slice(0, piece)
    task.rest = task.rest.slice(piece)
    if (task.rest.length === 0 && task.answer.finishReason === null) {
      task.drawing = this.#deps.driver.draw(slot.index, drawOptionsOf(task))
    }
    const part: Part = { slot: slot.index, tokens, drawing: task.drawing }
    if (task.scores !== null) part.score = task.scores.next(tokens.length)
    return part
  }

  /** The piece of a prompt was not read, and is read again should anybody still want it. */
  async #takeBack(task: Task, { tokens }: Part): Promise<void> {
    task.rest = [...tokens, ...task.rest!]
    await task.drawing?.close()
    task.drawing = null
  }

  async #take(
    slot: Slot,
    outcome: Exclude<Outcome, { brokenOff: true }>,
    { tokens }: Part
  ): Promise<void> {
    const task = slot.task!
    if (outcome === null || task.cancelled) return
    try {
      if ('error' in outcome) throw outcome.error
      if (outcome.scores !== undefined) this.#tell(task, tokens.length, outcome.scores)
      if ('token' in outcome) this.#push(task, outcome)
      else if (task.rest!.length > 0) return
      if (task.answer.finishReason === null) return
      this.#end(task)
      await this.#free(slot)
    } catch (error) {
      await this.#giveUp(slot, task, error)
    }
  }

  #tell(task: Task, pieceTokens: number, scores: readonly Scored[]): void {
    const prompt = task.scores!.take(pieceTokens, scores)
    if (prompt.length === 0) return
    task.credit -= prompt.length
    this.#reports.current.parts.push([task.job.id, [], '', { prompt }])
  }

  #push(task: Task, drawn: Drawn): void {
    task.firstTokenAt ||= this.#now()
    task.credit--
    const text = task.answer.push(drawn.token)
    const extras = extrasOf(task, drawn)
    const { id } = task.job
    const { parts } = this.#reports.current
    parts.push(extras === null ? [id, [drawn.token], text] : [id, [drawn.token], text, extras])
  }

  /** One failing request must not stop the step of the others. */
  async #giveUp(slot: Slot, task: Task, error: unknown): Promise<void> {
    this.#reports.current.failures.push([task.job.id, toFailure(error)])
    await this.#free(slot)
    await this.#deps.driver.clear(slot.index)
  }

  async #free(slot: Slot): Promise<void> {
    const drawing = slot.task?.drawing
    slot.task = null
    slot.usedAt = this.#now()
    await drawing?.close()
  }

  #end(task: Task): void {
    this.#reports.current.ends.push([task.job.id, endOf(task, this.#now())])
  }
}

/** Pieces of fewer tokens take longer for each. */
const COMPARABLE_TOKENS = 64

/** The part of each prompt in a step. */
function piecesOf(
  rests: readonly (readonly [Slot, number])[],
  { tokens, onlyShortest }: PromptTurn
): ReadonlyMap<Slot, number> {
  const prompts = rests.map(([slot, rest]) => {
    const isScored = slot.task!.scores !== null
    const most = isScored ? Math.min(rest, SCORED_TOKENS_MAX) : rest
    return { key: slot, arrivedAt: slot.task!.arrivedAt, rest: most }
  })
  const shortest = prompts.toSorted((a, b) => a.rest - b.rest).slice(0, 1)
  return sharesOf(onlyShortest ? shortest : prompts, tokens)
}

const sum = (values: Iterable<number>): number => {
  let total = 0
  for (const value of values) total += value
  return total
}
