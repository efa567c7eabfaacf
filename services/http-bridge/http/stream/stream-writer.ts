/**
 * Writes a reply piece by piece, as its answer comes.
 *
 * The status line is held back until the first piece, so that an error before it can still be an
 * ordinary HTTP error. All pieces of one turn of the event loop go out in one write, and `drained`
 * lets a slow client slow its producer.
 */
import { addAbortListener } from 'node:events'
import type { FastifyReply } from 'fastify'

const HEADERS = {
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no' // nginx would hold tokens back
}
/** Proxies and clients believe that a connection which is silent for longer is dead. */
export const KEEP_ALIVE_MS = 10_000
/** Characters that may wait for the end of the turn. */
const PENDING_MAX = 65_536
/** The time that a client may take to read the end. */
const LINGER_MS_MAX = 5000

export abstract class StreamWriter {
  abstract readonly contentType: string
  readonly #reply: FastifyReply
  readonly #keepAlive: NodeJS.Timeout
  #pending = ''
  #flushing: NodeJS.Immediate | null = null
  #opened = false
  #blocked = false
  #onDrained: (() => void) | null = null

  /** `onSilence` writes what a client should get after each silence of `keepAliveMs`. */
  constructor(reply: FastifyReply, keepAliveMs: number, onSilence: () => void) {
    this.#reply = reply
    this.#keepAlive = setInterval(() => {
      if (!this.#blocked) onSilence()
    }, keepAliveMs)
    reply.raw.on('drain', () => this.#drain())
    reply.raw.once('close', () => this.#close())
  }

  /** True when the status line is out, so that an error can only be an event. */
  get opened(): boolean {
    return this.#opened
  }

  /** True while the client has more to read than fits its connection; wait for `drained` then. */
  get blocked(): boolean {
    return this.#blocked
  }

  /** Writes what shows that a silent stream lives, where its form has such a thing. */
  stayAlive(): void {}

  /** Resolves when the client has read on, or when the signal ends the wait. */
  async drained(signal: AbortSignal): Promise<void> {
    if (!this.#blocked || signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onDrained = resolve
    using listening = addAbortListener(signal, () => resolve())
    await promise
  }

  end(): void {
    const { raw } = this.#reply
    this.#flush()
    raw.end()
    const linger = setTimeout(() => raw.destroy(), LINGER_MS_MAX)
    raw.once('close', () => clearTimeout(linger))
    this.dispose()
  }

  /** Stops the keep-alive; needed when nothing was ever written. */
  dispose(): void {
    clearInterval(this.#keepAlive)
    if (this.#flushing !== null) clearImmediate(this.#flushing)
    this.#flushing = null
  }

  #drain(): void {
    this.#blocked = false
    this.#onDrained?.()
  }

  #close(): void {
    this.dispose()
    this.#drain()
  }

  protected say(text: string): void {
    this.#open()
    this.#pending += text
    if (this.#pending.length >= PENDING_MAX) this.#flush()
    else this.#flushing ??= setImmediate(() => this.#flush())
  }

  #open(): void {
    if (this.#opened) return
    this.#opened = true
    this.#reply.hijack()
    this.#reply.raw.writeHead(200, { ...HEADERS, 'content-type': this.contentType })
  }

  #flush(): void {
    if (this.#flushing !== null) clearImmediate(this.#flushing)
    this.#flushing = null
    if (this.#pending === '' || this.#reply.raw.destroyed) return
    const text = this.#pending
    this.#pending = ''
    this.#keepAlive.refresh()
    this.#blocked = !this.#reply.raw.write(text)
  }
}
