/**
 * All streams of one connection, in both directions, on one protomux channel beside the RPC
 * channel. SPEC.md says what the two ends may rely on.
 */
import { Type, type Static, type TSchema } from 'typebox'
import { Compile } from '#shared/validator.ts'
import type Protomux from 'protomux'
import { HaifError } from '#shared/errors.ts'
import { within } from '#shared/kit/within.ts'
import { check } from './check.ts'
import { ConsumerStream } from './consumer-stream.ts'
import { Envelope, fromEnvelope, toEnvelope, type RequestContext } from './context.ts'
import type { StreamContract } from './contract.ts'
import { FrameOutbox } from './frame-outbox.ts'
import { creditFrame, frameBatch, FrameType, jsonFrame, type Frame } from './frames.ts'
import { ItemBatch, itemByItem } from './items.ts'
import { assertMeantFor, isAllowedFrom, refused, type NamedParties } from './parties.ts'
import { parseJson } from '#shared/kit/parse-json.ts'
import type { PeerIdentity } from './peer-identity.ts'
import { ProducerStream } from './producer-stream.ts'
import type { Router, StreamRoute } from './router.ts'
import { fromWireError, isUnexpected, toWireError } from './wire-error.ts'

const PROTOCOL = 'haif/streams/2'

/** A request is read to say why it is refused; nobody who may ask nothing has a long one. */
const REFUSED_CHARACTERS_MAX = 65_536

/** Streams that one end may have open at the other at the same time. */
export const STREAMS_MAX = 1024

const OpenBody = Compile(
  Type.Object({ m: Type.String({ maxLength: 64 }), e: Envelope, v: Type.Unknown() })
)
const CancelBody = Compile(Type.Object({ reason: Type.String({ maxLength: 1024 }) }))

interface StreamChannelOptions {
  mux: Protomux
  peer: PeerIdentity
  router: Router
  /** True when this side dialled: it opens the channel, and the other side answers. */
  dialer: boolean
  /** Called with each stream that the role of the peer does not allow. */
  onRefused: (contract: NamedParties) => void
  /** Called with unexpected errors of handlers; expected ones only travel to the caller. */
  onUnexpected: (error: unknown, at: { name: string; requestId: string }) => void
  /** Called when the other end breaks the protocol; the connection has to go. */
  onViolation: (reason: string) => void
  /** Called when the other end closed the channel; a connection without it is of no use. */
  onClosed: () => void
}

export class StreamChannel {
  readonly #options: StreamChannelOptions
  readonly #consumers = new Map<number, ConsumerStream>() // at most STREAMS_MAX
  readonly #producers = new Map<number, ProducerStream>() // at most STREAMS_MAX
  #channel: Protomux.Channel | null = null
  #nextId = 1
  readonly #outbox = new FrameOutbox()
  #closed = false
  #onIdle: (() => void) | null = null

  constructor(options: StreamChannelOptions) {
    this.#options = options
    const { mux, dialer } = options
    // The answering side makes its channel only when it is asked to: one that it opened earlier
    // would be refused by a dialler that has not made its own yet.
    if (dialer) this.#open()
    else mux.pair({ protocol: PROTOCOL }, () => this.#open())
  }

  /** Streams that this side opened, and streams that it serves. */
  get size(): { opened: number; served: number } {
    return { opened: this.#consumers.size, served: this.#producers.size }
  }

  /**
   * Opens a stream at the other end with the first `next()`. Leaving the loop early or aborting the
   * context cancels it there.
   */
  open<Request extends TSchema, Item extends TSchema, End extends TSchema>(
    contract: StreamContract<Request, Item, End>,
    request: Static<Request>,
    context: RequestContext
  ): AsyncGenerator<Static<Item>, Static<End>, void> {
    return itemByItem(this.openBatches(contract, request, context))
  }

  /** Like `open`, but yields the items that came together, not decoded yet. */
  async *openBatches<Request extends TSchema, Item extends TSchema, End extends TSchema>(
    contract: StreamContract<Request, Item, End>,
    request: Static<Request>,
    context: RequestContext
  ): AsyncGenerator<ItemBatch<Static<Item>>, Static<End>, void> {
    context.signal.throwIfAborted()
    assertMeantFor(contract, this.#options.peer)
    this.#assertRoom()
    const id = this.#nextId++
    const stream = new ConsumerStream((credit) => this.#outbox.send(creditFrame(id, credit)))
    this.#sendJson(FrameType.open, id, {
      m: contract.name,
      e: toEnvelope(context, contract.parties),
      v: request
    })
    this.#consumers.set(id, stream)
    const stopListening = context.onAbort(() => {
      stream.abort(context.signal.reason)
      this.#leave(id) // at once: the reader may be busy with an item that nobody takes from it
    })
    try {
      for (;;) {
        const frame = await stream.next()
        if (frame.type === FrameType.items) {
          yield ItemBatch.received(contract.items, frame.bytes)
          stream.consumed(frame)
          continue
        }
        const value = this.#parse(frame)
        if (frame.type === FrameType.error) throw fromWireError(value)
        return check(contract.end, value, `end of ${contract.name}`, 'INTERNAL')
      }
    } finally {
      stopListening()
      this.#leave(id)
    }
  }

  /**
   * Resolves when everything that this side serves has been answered, and sends what is pending.
   */
  async finish(withinMs: number): Promise<void> {
    if (this.#producers.size > 0 && !this.#closed) {
      const { promise: idle, resolve } = Promise.withResolvers<void>()
      this.#onIdle = resolve
      await within(withinMs, idle)
    }
    this.#outbox.flush()
  }

  /** Ends every stream: readers get PEER_LOST, handlers are aborted. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#outbox.close()
    if (!this.#options.dialer) this.#options.mux.unpair({ protocol: PROTOCOL })
    const lost = new HaifError('PEER_LOST', 'the connection to the peer broke')
    for (const stream of this.#consumers.values()) stream.finish(lost)
    this.#consumers.clear()
    for (const stream of this.#producers.values()) stream.cancel('the connection broke')
    this.#channel?.close()
  }

  #open(): void {
    const message = {
      encoding: frameBatch,
      autoBatch: false,
      onmessage: (frames: Frame[]) => this.#onFrames(frames)
    }
    this.#channel = this.#options.mux.createChannel({
      protocol: PROTOCOL,
      messages: [message],
      ondrain: () => this.#onDrain(),
      onclose: () => {
        if (!this.#closed) this.#options.onClosed()
      }
    })
    if (this.#channel === null) {
      this.#options.onViolation('opened the stream channel twice, or is gone already')
      return
    }
    this.#channel.open()
    this.#outbox.open(this.#channel)
  }

  #parse(frame: Frame): unknown {
    try {
      return parseJson(frame.body)
    } catch (error) {
      this.#options.onViolation('malformed JSON')
      throw new HaifError('PEER_LOST', 'the peer sent malformed JSON', { cause: error })
    }
  }

  /** Tells the other end that nobody reads any more, unless the stream has ended. */
  #leave(id: number): void {
    if (!this.#consumers.delete(id)) return
    this.#sendJson(FrameType.cancel, id, { reason: 'no longer wanted' })
  }

  #assertRoom(): void {
    if (this.#closed) throw new HaifError('PEER_LOST', 'the connection to the peer is closed')
    if (this.#consumers.size >= STREAMS_MAX) {
      throw new HaifError('STREAM_LIMIT', `over ${STREAMS_MAX} streams to one peer`)
    }
  }

  #onFrames(frames: Frame[]): void {
    try {
      for (const frame of frames) {
        if (this.#closed) return // a frame before it was a violation
        this.#onFrame(frame)
      }
    } catch (error) {
      this.#options.onViolation(error instanceof Error ? error.message : String(error))
    }
  }

  #onFrame(frame: Frame): void {
    const { id, type, body } = frame
    switch (type) {
      case FrameType.open:
        this.#onOpen(id, body)
        break
      case FrameType.credit:
        this.#producers.get(id)?.credit(frame.credit)
        break
      case FrameType.cancel:
        this.#producers.get(id)?.cancel(check(CancelBody, parseJson(body), 'cancel').reason)
        break
      case FrameType.items:
        if (this.#consumers.get(id)?.items(frame) === false) {
          this.#options.onViolation('sent an item without credit')
        }
        break
      case FrameType.end:
      case FrameType.error:
        this.#consumers.get(id)?.finish(frame)
        this.#consumers.delete(id)
        break
    }
  }

  #onOpen(id: number, body: string): void {
    if (this.#producers.has(id)) throw new HaifError('INTERNAL', 'opened a stream id twice')
    if (body.length > REFUSED_CHARACTERS_MAX && !this.#mayOpen) {
      throw new HaifError('INTERNAL', 'a large request for a stream, not allowed')
    }
    const value = parseJson(body)
    try {
      if (this.#producers.size >= STREAMS_MAX) {
        throw new HaifError('STREAM_LIMIT', `over ${STREAMS_MAX} streams from one peer`)
      }
      const open = check(OpenBody, value, 'open')
      void this.#produce(id, this.#route(open.m), open.v, open.e)
    } catch (error) {
      this.#sendJson(FrameType.error, id, toWireError(error))
    }
  }

  /** Some stream may be opened by a peer of this role. */
  get #mayOpen(): boolean {
    const { peer, router } = this.#options
    return [...router.streams.values()].some(({ contract }) =>
      isAllowedFrom(contract.parties, peer)
    )
  }

  /** Throws where nobody serves it, or the role of the peer does not allow it. */
  #route(name: string): StreamRoute {
    const { peer, router, onRefused } = this.#options
    const route = router.streams.get(name)
    if (route === undefined) {
      throw new HaifError('PROTOCOL_MISMATCH', `the peer does not serve ${name}`)
    }
    if (isAllowedFrom(route.contract.parties, peer)) return route
    onRefused(route.contract)
    throw refused(route.contract, peer)
  }

  async #produce(
    id: number,
    route: StreamRoute,
    request: unknown,
    envelope: Envelope
  ): Promise<void> {
    const { peer, router, onUnexpected } = this.#options
    const { name } = route.contract
    const { requestId, traceparent } = envelope
    const observed = router.observer?.({ method: name, request, requestId, traceparent, peer })
    const context = fromEnvelope(
      observed?.traceparent === undefined
        ? envelope
        : { ...envelope, traceparent: observed.traceparent }
    )
    const onItem = observed == null ? undefined : (value: unknown) => observed.item(value)
    const stream = new ProducerStream(id, context, this.#outbox, onItem)
    this.#producers.set(id, stream)
    const { presented } = envelope
    const failure = await stream.run(
      () => route.open(request, { ...context, peer, presented }),
      route.items
    )
    this.#producers.delete(id)
    observed?.ended(failure ?? { end: stream.end })
    if (this.#producers.size === 0) this.#onIdle?.()
    // An error that a handler throws after its signal was aborted is mostly an echo of that.
    if (failure !== null && isUnexpected(failure.error) && !context.signal.aborted) {
      onUnexpected(failure.error, { name, requestId: envelope.requestId })
    }
  }

  #onDrain(): void {
    this.#outbox.drain()
    for (const stream of this.#producers.values()) stream.wakeUp()
  }

  #sendJson(type: FrameType, id: number, value: unknown): void {
    this.#outbox.send(jsonFrame(type, id, value))
  }
}
