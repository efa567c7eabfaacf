/** Processes that wait for another run of their function. Those that wait longest give way. */
import type { FunctionProcess } from './function-process.ts'

interface Waiting {
  key: string
  process: FunctionProcess
  timer: NodeJS.Timeout
}

const WARM_MAX = 8
const WARM_MS_MAX = 120_000

export class WarmProcesses {
  /** At most `WARM_MAX`, the one that waits longest first. */
  #waiting: Waiting[] = []
  readonly #idleMs: number

  constructor(idleMs = WARM_MS_MAX) {
    this.#idleMs = idleMs
  }

  /** Null: none waits. */
  take(key: string): FunctionProcess | null {
    for (;;) {
      const at = this.#waiting.findLastIndex((each) => each.key === key)
      if (at === -1) return null
      const [found] = this.#waiting.splice(at, 1)
      clearTimeout(found!.timer)
      if (found!.process.isAlive) return found!.process
    }
  }

  /** A process that a run has left something running in is of no more use. */
  put(key: string, process: FunctionProcess): void {
    if (!process.isAlive || !process.isQuiet()) return process.kill()
    const timer = setTimeout(() => this.#end(process), this.#idleMs)
    timer.unref()
    this.#waiting.push({ key, process, timer })
    if (this.#waiting.length > WARM_MAX) this.#end(this.#waiting[0]!.process)
  }

  /** Of all that wait. */
  async stop(): Promise<void> {
    const processes = this.#waiting.map(({ process }) => process)
    for (const process of processes) this.#end(process)
    await Promise.all(processes.map((process) => process.ended()))
  }

  #end(process: FunctionProcess): void {
    const at = this.#waiting.findIndex((each) => each.process === process)
    if (at !== -1) clearTimeout(this.#waiting.splice(at, 1)[0]!.timer)
    process.kill()
  }
}
