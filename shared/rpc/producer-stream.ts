/**
 * The side of a stream that answers it. Asks its handler for an item only when the reader has room
 * and the connection has drained, so a slow reader slows the engine down (SPEC.md S1, S4, S5, S8).
 * Items that are made in one turn of the event loop share a frame (S13).
 */
import { HaifError } from '#shared/errors.ts'
import { ByteWriter } from './bytes.ts'
import type { OwnedContext } from './context.ts'
import { WINDOW } from './consumer-stream.ts'
import type { FrameOutbox } from './frame-outbox.ts'
import { costOf, FrameType, ITEM_BYTES_MAX, itemsFrame, jsonFrame } from './frames.ts'
import { ItemBatch, type ItemCodec } from './items.ts'
import { toWireError } from './wire-error.ts'

type Outlet = Pick<FrameOutbox, 'send' | 'isDrained' | 'gather'>

/** A frame with as much in it takes no further item. */
export const SHARED_FRAME_BYTES = 4096

export class ProducerStream {
  readonly #id: number
  readonly #outlet: Outlet
  readonly #context: OwnedContext
  /** Items of this turn that are not sent yet: less than a window and one item. */
  #gathered: ByteWriter | null = null
  #window = WINDOW
  #wake: (() => void) | null = null
  #finished = false
  #onItem: ((value: unknown) => boolean) | undefined
  /** The end that the handler returned; undefined when the stream has failed. */
  end: unknown

  /** `onItem` is called with each item until it returns true. */
  constructor(
    id: number,
    context: OwnedContext,
    outlet: Outlet,
    onItem?: (value: unknown) => boolean
  ) {
    this.#id = id
    this.#context = context
    this.#outlet = outlet
    this.#onItem = onItem
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
   * Ends when the handler has ended, which may be after the reader has heard of the end. Never
   * rejects: an error of the handler is sent to the reader and returned.
   */
  async run(
    items: () => AsyncGenerator<unknown, unknown, void>,
    codec: ItemCodec<unknown>
  ): Promise<{ error: unknown } | null> {
    const { signal } = this.#context
    const onAbort = () => {
      this.#fail(signal.reason) // at once, also when the handler is stuck
      this.wakeUp()
    }
    const stopListening = this.#context.onAbort(onAbort)
    try {
      signal.throwIfAborted()
      await this.#pump(items(), codec)
      return null
    } catch (error) {
      this.#fail(error)
      return { error }
    } finally {
      stopListening()
      this.#context[Symbol.dispose]()
    }
  }

  /** Sends what was gathered. */
  flush(): void {
    const gathered = this.#gathered
    if (gathered === null || gathered.length === 0 || this.#finished) return
    this.#outlet.send(itemsFrame(this.#id, gathered.take()))
  }

  async #pump(
    items: AsyncGenerator<unknown, unknown, void>,
    codec: ItemCodec<unknown>
  ): Promise<void> {
    const { signal } = this.#context
    for (;;) {
      if (!this.#hasRoom && !signal.aborted) await this.#roomForAnItem()
      const result = signal.aborted ? null : await items.next()
      if (signal.aborted || result === null) {
        await items.return(undefined)
        signal.throwIfAborted()
        return
      }
      if (result.done === true) {
        this.end = result.value
        this.#finish(FrameType.end, result.value)
        return
      }
      const { value } = result
      if (this.#onItem?.(value) === true) this.#onItem = undefined
      if (value instanceof ItemBatch) this.#batch(value as ItemBatch<unknown>, codec)
      else this.#item(value, codec)
    }
  }

  get #hasRoom(): boolean {
    return this.#window > 0 && this.#outlet.isDrained()
  }

  async #roomForAnItem(): Promise<void> {
    const { signal } = this.#context
    while (!this.#hasRoom && !signal.aborted) {
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  #item(value: unknown, codec: ItemCodec<unknown>): void {
    const gathered = (this.#gathered ??= new ByteWriter())
    const before = gathered.length
    try {
      codec.encode(value, gathered)
      if (gathered.length - before > ITEM_BYTES_MAX) {
        throw new HaifError('BODY_TOO_LARGE', `an item has over ${ITEM_BYTES_MAX} bytes`)
      }
    } catch (error) {
      gathered.truncate(before)
      throw error
    }
    this.#window -= Math.max(1, gathered.length - before)
    if (gathered.length >= SHARED_FRAME_BYTES) this.flush()
    else if (before === 0) this.#outlet.gather(this)
  }

  /** Forwards a batch of another peer as the bytes that came. */
  #batch(batch: ItemBatch<unknown>, codec: ItemCodec<unknown>): void {
    this.flush()
    const frame = itemsFrame(this.#id, batch.bytes(codec))
    if (frame.bytes.length === 0) return
    this.#window -= costOf(frame)
    this.#outlet.send(frame)
  }

  #fail(error: unknown): void {
    this.#finish(FrameType.error, toWireError(error))
  }

  #finish(type: FrameType, value: unknown): void {
    if (this.#finished) return
    // It may throw, and the error can be sent only as long as the stream is not finished.
    const frame = jsonFrame(type, this.#id, value)
    this.flush()
    this.#finished = true
    this.#outlet.send(frame)
  }
}
