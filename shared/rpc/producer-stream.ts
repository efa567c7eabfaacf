/**
 * The side of a stream that answers it. Asks its handler for an item only when the reader has room
 * and the connection has drained, so a slow reader slows the engine down (SPEC.md S1, S4, S5, S8).
 */
import { HaifError } from '#shared/errors.ts'
import type { OwnedContext } from './context.ts'
import { WINDOW } from './consumer-stream.ts'
import { costOf, FrameType, jsonFrame, type Frame } from './frames.ts'
import { toWireError } from './wire-error.ts'

export interface Outlet {
  send: (frame: Frame) => void
  isDrained: () => boolean
}

export class ProducerStream {
  readonly #id: number
  readonly #outlet: Outlet
  readonly #context: OwnedContext
  #window = WINDOW
  #wake: (() => void) | null = null
  #finished = false

  constructor(id: number, context: OwnedContext, outlet: Outlet) {
    this.#id = id
    this.#context = context
    this.#outlet = outlet
  }

  credit(amount: number): void {
    this.#window = Math.min(this.#window + amount, WINDOW)
    this.wakeUp()
  }

  /** The reader is gone: nothing more is sent, and the handler is told to stop. */
  cancel(reason: string): void {
    this.#finished = true
    this.#context.abort(new HaifError('CANCELLED', reason))
  }

  wakeUp(): void {
    this.#wake?.()
    this.#wake = null
  }

  /**
   * Ends when the handler has ended, which may be after the reader has heard of the end. Never rejects:
   * what the handler threw is told to the reader and returned.
   */
  async run(
    items: () => AsyncGenerator<unknown, unknown, void>
  ): Promise<{ error: unknown } | null> {
    const { signal } = this.#context
    const onAbort = () => {
      this.#fail(signal.reason) // a deadline is told at once, also when the handler is stuck
      this.wakeUp()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      signal.throwIfAborted()
      await this.#pump(items())
      return null
    } catch (error) {
      this.#fail(error)
      return { error }
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#context[Symbol.dispose]()
    }
  }

  async #pump(items: AsyncGenerator<unknown, unknown, void>): Promise<void> {
    const { signal } = this.#context
    for (;;) {
      await this.#roomForAnItem()
      const result = signal.aborted ? null : await items.next()
      if (signal.aborted || result === null) {
        await items.return(undefined)
        signal.throwIfAborted()
        return
      }
      if (result.done === true) {
        this.#finish(FrameType.end, result.value)
        return
      }
      this.#item(result.value)
    }
  }

  async #roomForAnItem(): Promise<void> {
    const { signal } = this.#context
    while ((this.#window <= 0 || !this.#outlet.isDrained()) && !signal.aborted) {
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  #item(value: unknown): void {
    const frame = jsonFrame(FrameType.item, this.#id, value)
    this.#window -= costOf(frame)
    this.#outlet.send(frame)
  }

  #fail(error: unknown): void {
    this.#finish(FrameType.error, toWireError(error))
  }

  #finish(type: FrameType, value: unknown): void {
    if (this.#finished) return
    const frame = jsonFrame(type, this.#id, value) // may throw; then the error is still to be told
    this.#finished = true
    this.#outlet.send(frame)
  }
}
