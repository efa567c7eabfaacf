/**
 * Text of running tasks on its way to readers: at once to those of this service, and gathered for a
 * moment to those of others, which get it through the database's notices.
 */
import type { TaskDelta } from '#shared/contracts/jobs/views.ts'
import type { TaskRow } from '../store/rows.ts'
import type { Live } from './live.ts'

const GATHER_MS = 100
/** A notice has 7,999 bytes, and a character up to six of them in JSON. */
const CHARACTERS_MAX = 1200

interface TextsDeps {
  live: Live
  /** To the other services; may fail, as the output will have it all. */
  send: (delta: TaskDelta) => Promise<void>
  /** Whether there are others. */
  hasOthers: () => boolean
}

export class Texts {
  readonly #deps: TextsDeps
  readonly #gathered = new Map<string, TaskDelta>() // one for each running task
  #timer: NodeJS.Timeout | undefined

  constructor(deps: TextsDeps) {
    this.#deps = deps
  }

  pass({ job_id: jobId, task_id: taskId, attempt }: TaskRow, offset: number, text: string): void {
    const delta = { jobId, taskId, attempt, offset, text }
    this.#deps.live.text(delta)
    if (!this.#deps.hasOthers()) return
    const key = `${jobId}/${taskId}/${attempt}`
    const before = this.#gathered.get(key)
    this.#gathered.set(key, before === undefined ? delta : { ...before, text: before.text + text })
    this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #flush(): void {
    this.#timer = undefined
    const gathered = [...this.#gathered.values()]
    this.#gathered.clear()
    for (const delta of gathered) {
      for (let at = 0; at < delta.text.length; at += CHARACTERS_MAX) {
        const text = delta.text.slice(at, at + CHARACTERS_MAX)
        void this.#deps.send({ ...delta, offset: delta.offset + at, text }).catch(() => {})
      }
    }
  }
}
