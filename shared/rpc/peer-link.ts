/**
 * An open connection to a peer that has proven who it is: calls and streams, both ways. There is
 * one for each pair of peers, and a new one after each loss.
 */
import type ProtomuxRPC from 'protomux-rpc'
import type { Static, TSchema } from 'typebox'
import { toHaifError } from '#shared/errors.ts'
import { within } from '#shared/kit/within.ts'
import type { Logger } from '#shared/process/log.ts'
import { histogram } from '#shared/telemetry/instruments.ts'
import { CallChannel } from './call-channel.ts'
import type { RequestContext } from './context.ts'
import type { MethodContract, StreamContract } from './contract.ts'
import type { ItemBatch } from './items.ts'
import type { NamedParties } from './parties.ts'
import { LossMeter } from '#shared/kit/loss-meter.ts'
import { TripMeter } from '#shared/kit/trip-meter.ts'
import type { PeerIdentity } from './peer-identity.ts'
import type { Router } from './router.ts'
import { StreamChannel } from './stream-channel.ts'

/** Time for each of the two steps of a clean end: answering, and sending. */
const END_MS_MAX = 500
/** Asks for an empty answer, where the transport does not measure its round trips. */
const PING_METHOD = 'haif/ping'
const PING_MS_MAX = 3000
const NOTHING = Buffer.alloc(0)

/**
 * The way of the bytes: a socket of this machine, the local network, from address to address over
 * the internet, or through a relay.
 */
export type LinkPath = 'local' | 'lan' | 'direct' | 'relayed'

/** It changes while the connection lives: a relayed one becomes direct when a hole was punched. */
export interface LinkWay {
  path: LinkPath
  /** Key in hex of the relay that forwards. */
  relay: string | null
}

/** What a connection has carried, in bytes of packets. */
interface LinkTraffic {
  sentBytes: number
  receivedBytes: number
}

interface PeerLinkOptions {
  rpc: ProtomuxRPC
  peer: PeerIdentity
  router: Router
  /** True when this side dialled. */
  dialer: boolean
  /** Asked again and again, because the way may change. */
  way: () => LinkWay
  log: Logger
}

export class PeerLink {
  readonly peer: PeerIdentity
  readonly dialer: boolean
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>
  readonly #rpc: ProtomuxRPC
  readonly #calls: CallChannel
  readonly #streams: StreamChannel
  readonly #way: () => LinkWay
  readonly #log: Logger
  readonly #loss = new LossMeter()
  /** Set where the transport does not measure round trips. */
  readonly #trips: TripMeter | null
  readonly #callSeconds = histogram('haif_rpc_duration_seconds')
  #isClosed = false

  constructor(options: PeerLinkOptions) {
    const { rpc, peer, router, dialer, log } = options
    this.peer = peer
    this.dialer = dialer
    this.#way = options.way
    this.#rpc = rpc
    this.#log = log
    const onUnexpected = (error: unknown, at: { name: string; requestId: string }) =>
      log.error({ ...at, peer: peer.key, err: error }, 'unexpected error in a handler')
    const onRefused = (contract: NamedParties) => router.refusals.note(contract, peer, log)
    const onViolation = (reason: string) => this.close(`protocol violation: ${reason}`)
    this.#calls = new CallChannel({ rpc, peer, router, onRefused, onUnexpected, onViolation })
    this.#streams = new StreamChannel({
      mux: rpc.mux,
      peer,
      router,
      dialer,
      onRefused,
      onUnexpected,
      onViolation,
      onClosed: () => this.close('closed by the peer')
    })
    const isMeasured = this.path === 'local' || rpc.stream.rawStream.rtt !== undefined
    rpc.respond(PING_METHOD, () => NOTHING)
    const ping = () => rpc.request(PING_METHOD, NOTHING, { timeout: PING_MS_MAX })
    this.#trips = isMeasured || rpc.closed ? null : new TripMeter(ping)
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    this.closed = closed
    const onClose = () => {
      this.#trips?.stop()
      this.#isClosed = true
      this.#calls.close()
      this.#streams.close()
      resolve()
    }
    // The peer may have gone between its hello and this moment; then there is no event to come.
    if (rpc.closed) onClose()
    else rpc.once('close', onClose)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get path(): LinkPath {
    return this.#way().path
  }

  /** Key in hex of the relay that forwards now, or null. */
  get relay(): string | null {
    return this.#way().relay
  }

  /** Address that packets go to; null within a machine, and over TLS. */
  get remote(): { host: string; port: number } | null {
    const { remoteHost, remotePort } = this.#rpc.stream.rawStream
    return this.path === 'local' || !remoteHost ? null : { host: remoteHost, port: remotePort }
  }

  /** Null within a machine, where nothing is counted. */
  get traffic(): LinkTraffic | null {
    if (this.path === 'local') return null
    const { rawBytesWritten, rawBytesRead, rawStream: raw } = this.#rpc.stream
    // A relay over TLS is a stream of TCP, which tells nothing of its packets.
    return {
      sentBytes: raw.bytesTransmitted ?? rawBytesWritten,
      receivedBytes: raw.bytesReceived ?? rawBytesRead
    }
  }

  /** Of the latest packets, those that had to be sent again. */
  get lossPercent(): number {
    const { packetsTransmitted, retransmits } = this.#rpc.stream.rawStream
    return this.path === 'local' ? 0 : this.#loss.percent(packetsTransmitted ?? 0, retransmits ?? 0)
  }

  /** Smoothed round-trip time in milliseconds; within a machine 0. */
  get rttMs(): number {
    if (this.path === 'local') return 0
    return this.#rpc.stream.rawStream.rtt ?? this.#trips?.tripMs ?? 0
  }

  /** Streams open in either direction. */
  get openStreams(): number {
    const { opened, served } = this.#streams.size
    return opened + served
  }

  async call<Request extends TSchema, Reply extends TSchema>(
    contract: MethodContract<Request, Reply>,
    request: Static<Request>,
    context: RequestContext
  ): Promise<Static<Reply>> {
    const startedAt = performance.now()
    let code = 'OK'
    try {
      return await this.#calls.call(contract, request, context)
    } catch (error) {
      code = toHaifError(error).code
      throw error
    } finally {
      const seconds = (performance.now() - startedAt) / 1000
      this.#callSeconds.record(seconds, { method: contract.name, code })
    }
  }

  stream<Request extends TSchema, Item extends TSchema, End extends TSchema>(
    contract: StreamContract<Request, Item, End>,
    request: Static<Request>,
    context: RequestContext
  ): AsyncGenerator<Static<Item>, Static<End>, void> {
    return this.#streams.open(contract, request, context)
  }

  /**
   * Like `stream`, but yields the items that came together, for a service that only forwards them.
   */
  batches<Request extends TSchema, Item extends TSchema, End extends TSchema>(
    contract: StreamContract<Request, Item, End>,
    request: Static<Request>,
    context: RequestContext
  ): AsyncGenerator<ItemBatch<Static<Item>>, Static<End>, void> {
    return this.#streams.openBatches(contract, request, context)
  }

  /**
   * Closes it without losing what was already said: waits for the answers that are under way, sends
   * them, and then closes.
   */
  async end(reason: string): Promise<void> {
    if (this.#isClosed) return
    await this.#streams.finish(END_MS_MAX)
    this.#rpc.stream.end()
    await within(END_MS_MAX, this.closed)
    this.close(reason)
    await this.closed
  }

  close(reason: string): void {
    if (this.#isClosed) return
    this.#log.debug({ peer: this.peer.key, role: this.peer.role, reason }, 'connection closed')
    this.#rpc.destroy()
    this.#rpc.stream.destroy()
  }
}
