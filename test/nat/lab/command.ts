/** The `haif` command as a person runs it on a machine of the laboratory. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { patience } from '../../helpers/deadline.ts'

export const HAIF = fileURLToPath(new URL('../../../cli/main.mjs', import.meta.url))

/** A command that says nothing for so long fails its test. */
const SAYS_MS_MAX = 30_000

export class Command {
  readonly #child: ChildProcess
  readonly #startedAt = performance.now()
  #text = ''

  constructor(child: ChildProcess) {
    this.#child = child
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.#text += text))
    }
  }

  /** All that it has written so far, on either side. */
  get text(): string {
    return this.#text
  }

  /** Waits until it has written something like that; returns the match and when it was there. */
  async says(what: RegExp): Promise<{ match: RegExpExecArray; afterMs: number }> {
    const signal = AbortSignal.timeout(patience(SAYS_MS_MAX))
    for (;;) {
      const match = what.exec(this.#text)
      if (match !== null) return { match, afterMs: performance.now() - this.#startedAt }
      if (this.#child.exitCode !== null) throw new Error(`it never said ${what}: ${this.#text}`)
      const next = [this.#child.stdout!, this.#child.stderr!].map((stream) =>
        once(stream, 'data', { signal })
      )
      await Promise.race([...next, once(this.#child, 'exit', { signal })]).catch((error) => {
        throw new Error(`it has not said ${what}: ${this.#text}`, { cause: error })
      })
    }
  }

  /** Its exit code, when it has ended. */
  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null) await once(this.#child, 'close')
    return this.#child.exitCode
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.ended()
  }
}
