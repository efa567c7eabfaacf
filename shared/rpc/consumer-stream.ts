/**
 * The side of a stream that opened it and reads it. Holds what has arrived and was not read yet,
 * never more than the window allows (SPEC.md S1-S3).
 */
import { HaifError } from '#shared/errors.ts'
import { costOf, type Frame } from './frames.ts'

/** Bytes of items that a producer may send ahead of its reader: about a thousand tokens. */
export const WINDOW = 16_384

type Arrived = Frame | Error

export class ConsumerStream {
  readonly #arrived: Arrived[] = [] // bounded by WINDOW and one frame, plus an end
  #window = WINDOW
  #read = 0
  #wake: (() => void) | null = null
  #aborted: Error | null = null
  readonly #grant: (credit: number) => void

  constructor(grant: (credit: number) => void) {
    this.#grant = grant
  }

  /** Takes items in; false when the producer had no credit for them. */
  items(frame: Frame): boolean {
    if (this.#window <= 0) return false
    this.#window -= costOf(frame)
    this.#push(frame)
    return true
  }

  /** The last frame, or the reason why there will be none; read after what came before it. */
  finish(last: Arrived): void {
    this.#push(last)
  }

  /** Stops the reader at once, whatever has arrived. */
  abort(reason: unknown): void {
    this.#aborted = reason instanceof Error ? reason : new HaifError('CANCELLED', String(reason))
    this.#wakeUp()
  }

  async next(): Promise<Frame> {
    for (;;) {
      if (this.#aborted !== null) throw this.#aborted
      const arrived = this.#arrived.shift()
      if (arrived instanceof Error) throw arrived
      if (arrived !== undefined) return arrived
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** Gives the producer room again for what the reader has taken, half a window at a time. */
  consumed(frame: Frame): void {
    this.#read += costOf(frame)
    if (this.#read < WINDOW / 2) return
    this.#window += this.#read
    this.#grant(this.#read)
    this.#read = 0
  }

  #push(arrived: Arrived): void {
    this.#arrived.push(arrived)
    this.#wakeUp()
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = null
  }
}
