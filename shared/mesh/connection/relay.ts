/**
 * A blind relay: forwards the encrypted bytes of two members that cannot reach each other directly.
 * It sees ciphertext only, but it would forward for anybody.
 *
 * So one of the two has to be a member that is connected with this process. The other one is
 * vouched for by the token that only these two know, from a handshake in which each has proven its
 * key: it may be new here, because two relays know different members and a restart forgets all.
 */
import { createHash } from 'node:crypto'
import { Server as RelayServer, type RawRelayStream, type Session } from 'blind-relay'
import DHT, { type KeyPair, type NoiseSecretStream, type Server } from 'hyperdht'
import { within } from '#shared/kit/within.ts'
import { counter, gauge } from '#shared/telemetry/instruments.ts'

const STOP_MS_MAX = 1000
const SWEEP_MS = 1000
/** Connections of members and of those they connect with. */
const CONNECTIONS_MAX = 4096
/** Time for a guest, who is not a member, to be vouched for. */
const GUEST_MS_MAX = 5000
const GUESTS_MAX = 256
/** Pairs that one connection waits for; hyperdht asks for one. */
const PENDING_MAX = 4

export interface RelayLimits {
  /** Connections that are forwarded for one member at a time. */
  streamsPerMember: number
  /** Bytes that are forwarded for one member, over ten seconds. */
  bytesPerSecond: number
}

const RELAY_LIMITS: RelayLimits = { streamsPerMember: 64, bytesPerSecond: 32 * 2 ** 20 }
/** For so long a member may send twice the rate. */
const BURST_S = 10

export interface RelayOptions {
  dht: DHT
  keyPair: KeyPair
  /** `key` in hex. */
  isMember: (key: string) => boolean
  /** A peer that was removed is forwarded for nobody, whoever vouches for it. */
  isRevoked: (key: string) => boolean
  limits?: RelayLimits
}

/** What is forwarded for one key. */
interface Use {
  streams: Map<RawRelayStream, number> // with the bytes counted so far; at most streamsPerMember
  /** Bytes that may still come. */
  allowance: number
}

export class Relay {
  readonly #options: RelayOptions
  readonly #limits: RelayLimits
  readonly #relay: RelayServer
  readonly #server: Server
  readonly #uses = new Map<string, Use>() // by key; only those with a stream
  /** Connections of members, with their keys; at most CONNECTIONS_MAX. */
  readonly #memberStreams = new Map<NoiseSecretStream, string>()
  readonly #vouched = new WeakSet<Session>()
  readonly #bytes = counter('haif_relay_bytes_total')
  readonly #refused = counter('haif_relay_refusals_total')
  #guests = 0
  #connections = 0
  #sweep: NodeJS.Timeout | null = null

  constructor(options: RelayOptions) {
    const { dht, isRevoked, limits = RELAY_LIMITS } = options
    this.#options = options
    this.#limits = limits
    this.#relay = new RelayServer({
      createStream: (streamOptions) => dht.createRawStream({ ...streamOptions, framed: true })
    })
    const firewall = (key: Buffer) =>
      this.#connections >= CONNECTIONS_MAX || isRevoked(key.toString('hex'))
    this.#server = dht.createServer({ shareLocalAddress: false, firewall }, (stream) =>
      this.#accept(stream)
    )
    gauge('haif_relay_streams').addCallback((result) => result.observe(this.streams))
  }

  /** Ends what it forwards for those who were removed. */
  dropFallen(): void {
    for (const [stream, key] of this.#memberStreams) {
      if (this.#options.isRevoked(key)) stream.destroy()
    }
  }

  /** Connections that are forwarded now; each has two ends. */
  get streams(): number {
    let ends = 0
    for (const { streams } of this.#uses.values()) ends += streams.size
    return ends / 2
  }

  async start(): Promise<void> {
    this.#sweep = setInterval(() => this.#count(), SWEEP_MS)
    this.#sweep.unref()
    await this.#server.listen(this.#options.keyPair)
  }

  /** Breaks what it still forwards: waiting would be for members that wait for each other. */
  async stop(): Promise<void> {
    if (this.#sweep !== null) clearInterval(this.#sweep)
    for (const session of this.#relay.sessions) session.destroy()
    await within(STOP_MS_MAX, this.#server.close())
  }

  #accept(stream: NoiseSecretStream): void {
    stream.on('error', () => stream.destroy()) // a member that went away is no event here
    const key = stream.remotePublicKey.toString('hex')
    if (this.#options.isRevoked(key)) {
      this.#refuse(stream, 'revoked') // since its handshake
      return
    }
    const isMember = this.#options.isMember(key)
    if (!isMember && this.#guests >= GUESTS_MAX) {
      this.#refuse(stream, 'guests')
      return
    }
    this.#connections++
    stream.once('close', () => this.#connections--)
    const session = this.#relay.accept(stream, { id: stream.remotePublicKey })
    if (isMember) this.#trust(stream, session, key)
    else this.#expectVoucher(stream, session)
    session.on('error', () => stream.destroy())
    this.#boundPairs(stream, session, key)
    session.on('pair', (_isInitiator, _token, raw) => this.#forwards(stream, key, raw))
  }

  #trust(stream: NoiseSecretStream, session: Session, key: string): void {
    this.#vouched.add(session)
    this.#memberStreams.set(stream, key)
    stream.once('close', () => this.#memberStreams.delete(stream))
  }

  #expectVoucher(stream: NoiseSecretStream, session: Session): void {
    this.#guests++
    const timer = setTimeout(() => {
      if (!this.#vouched.has(session)) this.#refuse(stream, 'stranger')
    }, GUEST_MS_MAX)
    const settle = () => {
      clearTimeout(timer)
      this.#guests--
    }
    stream.once('close', settle)
    session.on('pair', () => {
      if (this.#vouched.has(session)) return
      this.#vouched.add(session)
      stream.off('close', settle)
      settle()
    })
  }

  /** Looks at a request for a pair before it is matched. */
  #boundPairs(stream: NoiseSecretStream, session: Session, key: string): void {
    const message = session._pair
    const pair = message.onmessage
    const look: typeof pair = (request, channel) => {
      const [first, second] = this.#relay._pairing.get(request.token.toString('hex'))?.links ?? []
      const other = (first ?? second)?.session
      const isVouched = this.#vouched.has(session) || (other && this.#vouched.has(other))
      const streams = this.#uses.get(key)?.streams.size ?? 0
      if (other !== undefined && !isVouched) this.#refuse(stream, 'stranger')
      else if (streams >= this.#limits.streamsPerMember) this.#refuse(stream, 'streams')
      else if (session._pairing.size >= PENDING_MAX) this.#refuse(stream, 'pending')
      else pair(request, channel)
    }
    Object.assign(message, { onmessage: look })
  }

  #forwards(stream: NoiseSecretStream, key: string, raw: RawRelayStream): void {
    const { bytesPerSecond } = this.#limits
    const use = this.#uses.get(key) ?? {
      streams: new Map<RawRelayStream, number>(),
      allowance: bytesPerSecond * BURST_S
    }
    this.#uses.set(key, use)
    use.streams.set(raw, 0)
    raw.once('close', () => {
      this.#countStream(use, raw)
      use.streams.delete(raw)
      if (use.streams.size === 0 && this.#uses.get(key) === use) this.#uses.delete(key)
      stream.destroy() // the connection with the member was for this one
    })
  }

  #count(): void {
    const { bytesPerSecond } = this.#limits
    for (const use of this.#uses.values()) {
      use.allowance = Math.min(use.allowance + bytesPerSecond, bytesPerSecond * BURST_S)
      for (const raw of use.streams.keys()) this.#countStream(use, raw)
      if (use.allowance >= 0) continue
      this.#refused.add(1, { reason: 'bytes' })
      for (const raw of use.streams.keys()) raw.destroy()
    }
  }

  #countStream(use: Use, raw: RawRelayStream): void {
    const bytes = raw.bytesReceived - (use.streams.get(raw) ?? 0)
    use.streams.set(raw, raw.bytesReceived)
    use.allowance -= bytes
    this.#bytes.add(bytes)
  }

  #refuse(stream: NoiseSecretStream, reason: string): void {
    this.#refused.add(1, { reason })
    stream.destroy()
  }
}

/** A relay listens under a key of its own, beside the peer that it belongs to. */
export function relayKeyPair({ secretKey }: KeyPair): KeyPair {
  const seed = createHash('sha256').update('haif/relay/').update(secretKey).digest()
  return DHT.keyPair(seed)
}
