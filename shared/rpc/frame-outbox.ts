/**
 * Frames on their way to the other end. What is said in one turn of the event loop is one message,
 * and the items that a stream makes in it share a frame (SPEC.md S13).
 */
import type Protomux from 'protomux'
import { FRAMES_PER_BATCH_MAX, type Frame } from './frames.ts'

/** A message is sent when it has about this many bytes, or at the end of the turn. */
const BATCH_BYTES = 65_536

/** A stream that is asked for the items of this turn at its end. */
interface Gathered {
  flush(): void
}

export class FrameOutbox {
  #channel: Protomux.Channel | null = null
  /**
   * Less than one message; before the channel is open, one frame for each stream that was opened.
   */
  #pending: Frame[] = []
  #pendingBytes = 0
  #gathering: Gathered[] = [] // as many as there are streams
  #flushing: NodeJS.Immediate | null = null
  #drained = true
  #closed = false

  /** The channel is there: what has waited for it is sent. */
  open(channel: Protomux.Channel): void {
    this.#channel = channel
    this.flush()
  }

  close(): void {
    this.#closed = true
    if (this.#flushing !== null) clearImmediate(this.#flushing)
    this.#pending = []
    this.#gathering = []
  }

  /** True while the connection takes more without holding it in memory. */
  isDrained(): boolean {
    return this.#drained
  }

  /** The connection has room again. */
  drain(): void {
    this.#drained = true
  }

  send(frame: Frame): void {
    if (this.#closed) return
    this.#pending.push(frame)
    this.#pendingBytes += frame.body.length + frame.bytes.length
    if (this.#pendingBytes >= BATCH_BYTES || this.#pending.length >= FRAMES_PER_BATCH_MAX) {
      this.#sendPending()
    } else {
      this.#flushing ??= setImmediate(() => this.flush())
    }
  }

  /** Asks for the stream's items at the end of the turn. */
  gather(stream: Gathered): void {
    this.#gathering.push(stream)
    this.#flushing ??= setImmediate(() => this.flush())
  }

  flush(): void {
    if (this.#flushing !== null) clearImmediate(this.#flushing)
    this.#flushing = null
    const gathering = this.#gathering
    this.#gathering = []
    for (const stream of gathering) stream.flush()
    this.#sendPending()
  }

  #sendPending(): void {
    if (this.#channel === null || this.#closed || this.#pending.length === 0) return
    const frames = this.#pending
    this.#pending = []
    this.#pendingBytes = 0
    this.#drained = this.#channel.messages[0]!.send(frames)
  }
}
