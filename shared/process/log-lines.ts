/**
 * Lines on stderr, some at a time: a write for each of them took a tenth of what an orchestrator
 * does for a request. Warnings and worse are out at once, with all that came before. A process that
 * is killed with -9 takes at most the other lines of its last moment along.
 */
import process from 'node:process'
import { destination, pino, symbols, type DestinationStream } from 'pino'

/** How much is written together, and how long the first line may wait. */
const TOGETHER_CHARACTERS = 16_384
const TOGETHER_MS = 100
const WARN = pino.levels.values['warn']!

class StderrLines implements DestinationStream {
  readonly [symbols.needsMetadataGsym] = true
  /** Level of the line that is written next; set by the logger. */
  lastLevel = 0
  readonly #out = destination({ dest: 2, sync: true })
  #pending = '' // at most TOGETHER_CHARACTERS and a line
  #isWaiting = false

  constructor() {
    process.once('exit', () => this.#flush())
  }

  write(line: string): void {
    this.#pending += line
    if (this.lastLevel >= WARN || this.#pending.length >= TOGETHER_CHARACTERS) {
      this.#flush()
    } else if (!this.#isWaiting) {
      this.#isWaiting = true
      setTimeout(() => {
        this.#isWaiting = false
        this.#flush()
      }, TOGETHER_MS).unref()
    }
  }

  #flush(): void {
    if (this.#pending !== '') this.#out.write(this.#pending)
    this.#pending = ''
  }
}

let lines: StderrLines | null = null

/** The one of this process, so that the lines of several loggers keep their order. */
export const stderrLines = (): DestinationStream => (lines ??= new StderrLines())
