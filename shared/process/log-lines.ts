/**
 * Lines on stderr, some at a time: a write for each of them took a tenth of what an orchestrator
 * does for a request. Warnings and worse are on their way at once, with all that came before. A
 * process that is killed with -9 takes at most the other lines of its last moment along.
 *
 * Whoever reads stderr may be slow, stopped or gone, and must not hold up a request: writes are
 * made beside this thread, and lines for which there is no more room are dropped and counted.
 */
import { write, writeSync } from 'node:fs'
import process from 'node:process'
import { pino, symbols, type DestinationStream } from 'pino'

/** How much is written together, and how long the first line may wait. */
const TOGETHER_CHARACTERS = 16_384
const TOGETHER_MS = 100
/** What waits for a reader at most. */
const WAITING_CHARACTERS_MAX = 1_048_576
/** A full pipe that does not block is tried again. */
const AGAIN_MS = 10
/** At the end of the process: for the write under way, and for a reader that does not come. */
const LAST_WRITE_MS = 20
const READER_MS_MAX = 1000
const WARN = pino.levels.values['warn']!
const STDERR = 2

interface Writing {
  text: Buffer
  since: number
  isUnderWay: boolean
}

class StderrLines implements DestinationStream {
  readonly [symbols.needsMetadataGsym] = true
  /** Level of the line that is written next; set by the logger. */
  lastLevel = 0
  #pending = '' // at most WAITING_CHARACTERS_MAX
  #dropped = 0
  #isWaiting = false
  /** What is being written, and since when; the rest of it where a part is through. */
  #writing: Writing | null = null
  /** There is more to write as soon as that is through. */
  #isWanted = false

  constructor() {
    process.once('exit', () => this.#end())
  }

  write(line: string): void {
    if (this.#pending.length + line.length > WAITING_CHARACTERS_MAX) {
      this.#dropped++
      return
    }
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
    if (this.#writing !== null) {
      this.#isWanted = true
      return
    }
    this.#isWanted = false
    const text = this.#take()
    if (text === '') return
    this.#writing = { text: Buffer.from(text), since: performance.now(), isUnderWay: false }
    this.#goOn(this.#writing)
  }

  #take(): string {
    const dropped = this.#dropped === 0 ? '' : droppedLine(this.#dropped)
    const text = this.#pending + dropped
    this.#pending = ''
    this.#dropped = 0
    return text
  }

  #goOn(writing: Writing): void {
    writing.isUnderWay = true
    write(STDERR, writing.text, (error, written) => {
      writing.isUnderWay = false
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#goOn(writing), AGAIN_MS)
        return
      }
      // Of an error nobody can be told: there is no stderr any more.
      writing.text = error === null ? writing.text.subarray(written) : Buffer.alloc(0)
      if (writing.text.length > 0) return this.#goOn(writing)
      this.#writing = null
      if (this.#isWanted) this.#flush()
    })
  }

  #end(): void {
    const writing = this.#writing
    let last = this.#take()
    if (writing !== null) {
      if (performance.now() - writing.since > READER_MS_MAX) return
      if (writing.isUnderWay) sleepSync(LAST_WRITE_MS)
      else last = writing.text.toString() + last
    }
    if (last !== '') writeLast(Buffer.from(last))
  }
}

function writeLast(text: Buffer): void {
  const until = performance.now() + READER_MS_MAX
  let at = 0
  while (at < text.length && performance.now() < until) {
    try {
      at += writeSync(STDERR, text, at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      sleepSync(AGAIN_MS)
    }
  }
}

const sleepSync = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

const droppedLine = (lines: number): string =>
  `${JSON.stringify({
    level: 'warn',
    time: new Date().toISOString(),
    lines,
    msg: 'lines of the log were dropped, because nobody read them'
  })}\n`

let lines: StderrLines | null = null

/** The one of this process, so that the lines of several loggers keep their order. */
export const stderrLines = (): DestinationStream => (lines ??= new StderrLines())
