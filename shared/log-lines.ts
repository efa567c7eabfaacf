/**
 * Lines on stderr, some at a time: a write for each of them took a tenth of what an orchestrator does
 * for a request. Warnings and worse are out at once, with all that came before. A process that is
 * killed with -9 takes at most the other lines of its last moment along.
 */
import process from 'node:process'
import { destination, pino, symbols, type DestinationStream } from 'pino'

/** Bytes of lines that are written together, and how long the first of them may wait. */
const TOGETHER_BYTES = 4096
const TOGETHER_MS = 100
const WARN = pino.levels.values['warn']!

class StderrLines implements DestinationStream {
  readonly [symbols.needsMetadataGsym] = true
  /** Of the line that is written next; set by the logger. */
  lastLevel = 0
  readonly #out = destination({ dest: 2, sync: true, minLength: TOGETHER_BYTES })
  #isWaiting = false

  constructor() {
    process.once('exit', () => this.#flush())
  }

  write(line: string): void {
    this.#out.write(line)
    if (this.lastLevel >= WARN) {
      this.#flush()
    } else if (!this.#isWaiting) {
      this.#isWaiting = true
      setTimeout(() => this.#flush(), TOGETHER_MS).unref()
    }
  }

  #flush(): void {
    this.#isWaiting = false
    this.#out.flushSync()
  }
}

let lines: StderrLines | null = null

/** The one of this process, so that the lines of several loggers keep their order. */
export const stderrLines = (): DestinationStream => (lines ??= new StderrLines())
