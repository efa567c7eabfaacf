/**
 * The attempts that this service runs: each from its claim to its report. A run is ended by its
 * runner, by its time, or from here: when it is no longer the one that counts, when its job was
 * canceled, when its place is needed, when this service stops.
 */
import assert from 'node:assert/strict'
import { HaifError, toHaifError } from '#shared/errors.ts'
import { plainText } from '#shared/contracts/plain-text.ts'
import type { TaskResult } from '#shared/contracts/jobs/task-run.ts'
import { createContext, type OwnedContext, type RequestContext } from '#shared/rpc/context.ts'
import type { Holder } from '../schedule/preempt.ts'
import type { AttemptName, ClaimedTask, TaskRow } from '../store/rows.ts'
import type { Report } from './settle.ts'
import type { Runner, Running } from './runner.ts'
import { afterFailure, afterLoss, verdictOf } from './verdict.ts'

/** Characters of the JSON of an output; larger ones belong into artifacts. */
const OUTPUT_MAX = 3_145_728
const MESSAGE_MAX = 2048

/** Why a run is ended from here. */
type Ending = { kind: 'fenced' } | { kind: 'returned'; reason: string; preemptions: number }

interface Run extends Holder {
  task: ClaimedTask
  context: OwnedContext
  ending: Ending | null
}

interface RunsDeps {
  report: (report: Report) => void
  /** The input without references; throws VALIDATION_FAILED where there is no such output. */
  inputOf: (task: TaskRow, context: RequestContext) => Promise<unknown>
  /** The result as it is written: what is large becomes an artifact. */
  kept: (task: TaskRow, result: TaskResult) => Promise<TaskResult>
  onText: (task: TaskRow, offset: number, text: string) => void
  onBegun: (task: TaskRow) => void
  /** The task could not run now: its lane pauses. */
  onLater: (task: TaskRow, reason: string, retryAfterMs: number | undefined) => void
  /** A place is free again. */
  onEnded: (run: Run) => void
  now: () => number
  random: () => number
}

export class Runs {
  readonly #deps: RunsDeps
  readonly #runs = new Map<string, Run>() // as many as there are places
  readonly #counts = new Map<string, number>() // by place
  readonly #empty = Promise.withResolvers<void>()
  #isStopping = false

  constructor(deps: RunsDeps) {
    this.#deps = deps
  }

  get all(): readonly Run[] {
    return [...this.#runs.values()]
  }

  at(place: string): number {
    return this.#counts.get(place) ?? 0
  }

  /** Runs a task that was claimed. */
  start(task: ClaimedTask, runner: Runner): void {
    const { now } = this.#deps
    const key = keyOf(task)
    const { priority, preemptions } = task
    const requestId = `${task.job_id}/${task.task_id}`.slice(0, 64)
    const traceparent = task.traceparent ?? undefined
    const context = createContext({ requestId, traceparent, timeoutMs: task.timeout_ms })
    const place = runner.key
    const run: Run = { task, place, priority, preemptions, context, ending: null, since: now() }
    // J1: an earlier attempt of the task may still be ending here; this one counts.
    this.#runs.set(key, run)
    this.#counts.set(place, this.at(place) + 1)
    void this.#run(run, runner).finally(() => {
      context[Symbol.dispose]()
      if (this.#runs.get(key) === run) this.#runs.delete(key)
      this.#leave(place)
      this.#deps.onEnded(run)
      if (this.#isStopping && this.#runs.size === 0) this.#empty.resolve()
    })
  }

  /** A task that was claimed, and cannot be started here. */
  giveBack(task: ClaimedTask, message: string): void {
    this.#deps.report(returned(task, null, message))
  }

  /** J5: these attempts are somebody else's by now. Nothing is reported of them. */
  fence(names: Iterable<AttemptName>): void {
    for (const name of names) {
      const run = this.#runs.get(keyOf(name))
      if (run !== undefined) this.#end(run, { kind: 'fenced' })
    }
  }

  /** J10 */
  cancel(jobIds: readonly string[]): void {
    const canceled = new Set(jobIds)
    this.fence(this.all.map(({ task }) => task).filter(({ job_id }) => canceled.has(job_id)))
  }

  preempt(runs: readonly Run[]): void {
    for (const run of runs) {
      const reason = 'an interactive task needed its place'
      this.#end(run, { kind: 'returned', reason, preemptions: 1 })
    }
  }

  /** Gives everything back, so that another service may take it at once. */
  async stop(): Promise<void> {
    this.#isStopping = true
    for (const run of this.all) {
      this.#end(run, { kind: 'returned', reason: 'the service stopped', preemptions: 0 })
    }
    if (this.#runs.size > 0) await this.#empty.promise
  }

  #end(run: Run, ending: Ending): void {
    run.ending ??= ending
    run.context.abort(new HaifError('CANCELLED', 'the task is not to run any more'))
  }

  #leave(place: string): void {
    const count = this.at(place) - 1
    assert(count >= 0, 'a place was left twice')
    if (count === 0) this.#counts.delete(place)
    else this.#counts.set(place, count)
  }

  async #run(run: Run, runner: Runner): Promise<void> {
    const { inputOf, kept, report } = this.#deps
    const { task, context } = run
    try {
      const input = await inputOf(task, context)
      context.signal.throwIfAborted()
      const stream = runner.run(task, input, context)
      const result = await this.#read(run, stream)
      if (run.ending !== null) return this.#reportEnding(run)
      if (result === null) return
      report(completed(task, run.place, await kept(task, result)))
    } catch (error) {
      if (run.ending === null) this.#reportFailure(run, error)
      else this.#reportEnding(run)
    }
  }

  async #read(run: Run, stream: Running): Promise<TaskResult | null> {
    const { report, onText, onBegun } = this.#deps
    const { task, place: worker } = run
    let hasBegun = false
    let offset = 0
    for (;;) {
      const { done, value } = await stream.next()
      if (done === true) return value
      if (!hasBegun) {
        hasBegun = true
        report({ kind: 'begun', of: { ...nameOf(task), worker } })
        onBegun(task)
      }
      if (value.text === undefined || value.text === '') continue
      onText(task, offset, value.text)
      offset += value.text.length
    }
  }

  #reportEnding({ task, place: worker, ending }: Run): void {
    if (ending?.kind !== 'returned') return
    const { reason: message, preemptions } = ending
    // What was preempted goes to the end of its lane, or it would take its place back.
    const delay_ms = preemptions > 0 ? 0 : null
    const said = { ...UNCOUNTED, ...nameOf(task), worker, message, preemptions, delay_ms }
    this.#deps.report({ kind: 'ended', of: { ...said, outcome: 'returned' } })
  }

  #reportFailure({ task, place: worker }: Run, error: unknown): void {
    const { report, onLater, random } = this.#deps
    const { message, retryAfterMs } = toHaifError(error)
    if (verdictOf(error) === 'later') {
      onLater(task, plainText(message, MESSAGE_MAX), retryAfterMs)
    }
    report(failed(task, worker, error, random()))
  }
}

/** The report of an attempt that has ended with an error. */
export function failed(
  task: TaskRow,
  worker: string | null,
  error: unknown,
  random: number
): Report {
  const { code, message: text } = toHaifError(error)
  const message = plainText(text, MESSAGE_MAX)
  const verdict = verdictOf(error)
  const said = { ...UNCOUNTED, ...nameOf(task), worker, code, message }
  if (verdict === 'later') return { kind: 'ended', of: { ...said, outcome: 'returned' } }
  if (verdict === 'lost') {
    const { dead, delayMs: delay_ms } = afterLoss(task, random)
    return { kind: 'ended', of: { ...said, outcome: 'lost', dead, delay_ms, losses: 1 } }
  }
  const { dead, delayMs: delay_ms } = afterFailure(task, verdict, random)
  return { kind: 'ended', of: { ...said, outcome: 'failed', dead, delay_ms, failures: 1 } }
}

/** The report of an attempt that nobody goes on with; it does not count. */
export function returned(task: TaskRow, worker: string | null, message: string): Report {
  const of = { ...UNCOUNTED, ...nameOf(task), worker, message }
  return { kind: 'ended', of: { ...of, outcome: 'returned' } }
}

const UNCOUNTED = {
  dead: false,
  delay_ms: null,
  failures: 0,
  losses: 0,
  preemptions: 0,
  code: null
} as const

/** The report of a result; throws WORKER_FAULTY for one that is too large. */
export function completed(task: TaskRow, worker: string, result: TaskResult): Report {
  const { usage, model = null, artifacts } = result
  const output = JSON.stringify(result.output ?? null)
  if (output.length > OUTPUT_MAX) {
    throw new HaifError(
      'WORKER_FAULTY',
      `the output has ${output.length} characters, over ${OUTPUT_MAX}`
    )
  }
  const of = {
    ...nameOf(task),
    worker,
    output,
    model,
    artifacts: artifacts === undefined ? null : JSON.stringify(artifacts),
    prompt_tokens: usage?.promptTokens ?? 0,
    completion_tokens: usage?.completionTokens ?? 0
  }
  return { kind: 'completed', of }
}

const keyOf = ({ job_id, task_id, attempt }: AttemptName): string =>
  `${job_id}/${task_id}/${attempt}`

const nameOf = ({ job_id, task_id, attempt }: AttemptName): AttemptName => ({
  job_id,
  task_id,
  attempt
})
