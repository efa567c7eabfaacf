/**
 * The DHT node of a process. All its peers share it: what one of them learns of the network, the
 * others need not learn again, and a hole that was punched for one of them serves all.
 */
import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import type DHT from 'hyperdht'
import type { KeyPair, NoiseSecretStream } from 'hyperdht'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { Turns } from '#shared/kit/turns.ts'
import type { LinkWay } from '#shared/rpc/peer-link.ts'
import { PROCESS_ID_BYTES } from './connection/twins.ts'
import { BESIDE_MAX, type About } from './connection/about.ts'
import { isNearAddress } from './connection/liveness.ts'
import { NetworkWatch } from './connection/network-watch.ts'
import { Relays } from './connection/relay-choice.ts'
import { TlsRelays } from './connection/tls/tls-relays.ts'
import { BeaconListener } from './discovery/beacon.ts'
import { Whereabouts } from './discovery/whereabouts.ts'

/** Other processes whose peers, and other peers whose NATs, are remembered. */
const NEIGHBOURS_MAX = 4096
/** Servers tell the nodes of the DHT that they are there; hyperdht does it every 3 s. */
const PING_FACTOR = 5

/** Time between two new addresses of the DHT that are believed. */
const HEARD_MS = 1000

/** As hyperdht numbers the kinds of NAT. */
const RANDOM = 3

/** A socket and an address: what goes out there arrives at the peer, through both NATs. */
interface Route {
  socket: object
  address: DHT.Address
}

/** What the process at the other end of a connection has said of itself. */
interface Met {
  rttMs: () => number
  beside: string[]
  relay: string | undefined
}

interface NodeEvents {
  /** What this process says of itself has changed. */
  about: []
  /** Another process has said something of itself. */
  met: []
  /** What leads to this address may be gone. */
  doubt: [address: DHT.Address]
  /** This machine may have another address, or has slept: every connection is in doubt. */
  change: [why: string]
}

interface MeshNodeOptions {
  /** Where relays listen for TLS, for a network without UDP. */
  tlsRelays?: TlsRelays
  /** False on a network of one's own, where every packet is cheap. */
  isMetered?: boolean
  now?: () => number
}

export class MeshNode extends EventEmitter<NodeEvents> {
  readonly dht: DHT
  readonly relays: Relays
  readonly tlsRelays: TlsRelays
  readonly whereabouts = new Whereabouts()
  /** One punch with a random NAT at a time: two at once would fill the tables of a router. */
  readonly punches = new Turns()
  /** Whether it lies behind a NAT that gives a random port to each destination, by peer key. */
  readonly #nats = new BoundedMap<string, boolean>(NEIGHBOURS_MAX)
  /** Connections to processes in which a peer listens, by the key of that peer. */
  readonly #neighbours = new BoundedMap<string, NoiseSecretStream>(NEIGHBOURS_MAX)
  readonly #met = new Map<NoiseSecretStream, Met>() // as many as connections with members
  /** Connections to relays, over which other connections pass; as many as those. */
  readonly #relaySockets = new Set<NoiseSecretStream>()
  readonly #users = new Set<object>()
  /** Random: a process that is started again is another one. */
  readonly processId = randomBytes(PROCESS_ID_BYTES)
  readonly #listening = new Set<string>() // keys in hex; one for each user
  readonly #watch: NetworkWatch
  readonly #isMetered: boolean
  #beacons: BeaconListener | null = null
  #heardAt = -Infinity
  #lead: object | null = null
  #relayKey: string | null = null
  #tlsPort: number | null = null
  /** As the latest dial has found it; the DHT node itself knows it only after some answers. */
  #ownNatIsRandom = false

  constructor(dht: DHT, options: MeshNodeOptions = {}) {
    super()
    this.setMaxListeners(0) // one for each peer of the process
    this.dht = dht
    this.relays = new Relays(options.now ?? (() => performance.now()))
    this.#isMetered = options.isMetered ?? false
    this.tlsRelays = options.tlsRelays ?? new TlsRelays()
    this.#watchRelaySockets()
    this.#watch = new NetworkWatch((why) => this.#changed(why))
    dht.on('network-change', () => this.#watch.look())
  }

  /**
   * Someone uses the node until its `leave`. The first one leads: hyperdht dials relays by itself
   * with the key of the node, and a relay lets in members by their key.
   */
  join(user: object, keyPair: KeyPair): void {
    if (this.#users.size === 0) {
      this.#lead = user
      this.#watch.start()
      this.dht.defaultKeyPair = keyPair
    }
    this.#users.add(user)
  }

  /** On a local network the home says where its DHT nodes are, under this name. */
  hearBeacons(name: Buffer): void {
    if (this.#beacons !== null) return
    this.#beacons = new BeaconListener({ name }, (node) => this.#heardOf(node))
    this.#beacons.start()
  }

  #heardOf({ host, port }: DHT.Address): void {
    const known = this.dht.toArray()
    if (known.some((node) => node.host === host && node.port === port)) return
    const now = performance.now()
    if (now - this.#heardAt < HEARD_MS) return // strangers may say anything, and often
    this.#heardAt = now
    this.dht.addNode({ host, port })
    this.#changed('the DHT is at another address')
  }

  isLead(user: object): boolean {
    return this.#lead === user
  }

  /** The node ends with its last user. */
  async leave(user: object): Promise<void> {
    this.#users.delete(user)
    if (this.#users.size > 0) return
    this.#watch.stop()
    this.#beacons?.stop()
    // Without force it would wait for the servers again, 5 s when no DHT node answers.
    await this.dht.destroy({ force: true })
  }

  /** This machine's NAT gives a random port to each destination. */
  get isRandom(): boolean {
    return this.dht.firewalled && (this.dht.randomized || this.#ownNatIsRandom)
  }

  /** Peers anywhere can reach this process at an address that they know. */
  get isReachable(): boolean {
    return !this.dht.firewalled && this.dht.remoteAddress() !== null
  }

  /** Asks others to come in from outside, and remembers whether they could. */
  async askWhetherReachable(): Promise<void> {
    await this.dht._updateNetworkState(true).catch(() => false) // it is asked again later
    // It has dropped those that did not get through.
    if (this.dht.firewalled) this.dht.refresh()
  }

  /** A peer of this process listens under the key. */
  listens(key: string): void {
    this.#listening.add(key)
    this.emit('about')
    if (this.#isMetered) for (const server of this.dht.listening) pingLess(server)
  }

  /** This process relays under the key from now on; null: no longer. */
  relaysAs(key: string | null): void {
    this.#relayKey = key
    this.emit('about')
  }

  /** And over TLS, at this port; null: no longer. */
  relaysOverTls(port: number | null): void {
    this.#tlsPort = port
    this.emit('about')
  }

  /** What a peer of this process says of itself over such a connection. */
  about(keepAliveMs: number): About {
    const beside = [...this.#listening].slice(0, BESIDE_MAX)
    const relay = this.#relayKey
    const tlsPort = this.#tlsPort
    return {
      keepAliveMs,
      beside,
      ...(relay === null ? {} : { relay }),
      ...(tlsPort === null ? {} : { tlsPort })
    }
  }

  /** A member has said this of its process, for the first time or anew. */
  met(stream: NoiseSecretStream, { beside, relay, tlsPort }: About): void {
    if (stream.destroyed) return
    if (tlsPort !== undefined) this.#learnTls(stream, tlsPort)
    const before = this.#met.get(stream)
    const known = before ?? { rttMs: () => stream.rawStream.rtt ?? Infinity, beside, relay }
    this.#forget(stream, known)
    this.#met.set(stream, { ...known, beside, relay })
    for (const key of beside) this.#neighbours.set(key, stream)
    if (relay !== undefined) this.relays.add(relay, known.rttMs)
    this.emit('met')
    if (before === undefined) stream.once('close', () => this.#left(stream))
  }

  /** At the address where it is met, so that nobody sends others to a third machine. */
  #learnTls(stream: NoiseSecretStream, port: number): void {
    const { remoteHost: host } = stream.rawStream
    if (host && this.wayOf(stream).path === 'direct') this.tlsRelays.learn({ host, port })
  }

  #left(stream: NoiseSecretStream): void {
    const known = this.#met.get(stream)
    this.#met.delete(stream)
    if (known !== undefined) this.#forget(stream, known)
  }

  #forget(stream: NoiseSecretStream, { beside, relay, rttMs }: Met): void {
    for (const key of beside) {
      if (this.#neighbours.get(key) === stream) this.#neighbours.delete(key)
    }
    if (relay !== undefined) this.relays.lost(relay, rttMs)
  }

  /** The hole through which a peer can be reached, because another peer of its process is. */
  routeTo(key: string): Route | null {
    const stream = this.#neighbours.get(key)
    if (stream === undefined || stream.destroyed) return null
    const { socket, remoteHost: host, remotePort: port } = stream.rawStream
    // A socket of this machine, or of a relay over TLS, is no hole.
    if (!socket || this.wayOf(stream).path === 'relayed') return null
    // The node's own socket is none either; of a dial through it that fails, hyperdht lets the
    // error escape from the process.
    if (this.dht._socketPool.lookup(socket) === null) return null
    return { socket, address: { host, port } }
  }

  /** Where anybody can reach a peer that is connected; null where a hole or a relay leads to it. */
  addressOf(key: string): DHT.Address | null {
    for (const stream of this.#met.keys()) {
      if (stream.remotePublicKey.toString('hex') !== key) continue
      const { socket, remoteHost: host, remotePort: port } = stream.rawStream
      if (!socket || this.wayOf(stream).path === 'relayed') return null
      return this.dht._socketPool.lookup(socket) === null ? { host, port } : null
    }
    return null
  }

  /**
   * A connection is in doubt: what else leads through its hole or its relay may be gone with it,
   * and nobody shall take that way. `relay`: the key of its peer.
   */
  doubt(address: DHT.Address, relay: string | null): void {
    for (const [{ remotePublicKey }, met] of this.#met) {
      if (met.relay === undefined || remotePublicKey.toString('hex') !== relay) continue
      this.relays.failed(Buffer.from(met.relay, 'hex'))
    }
    for (const [key, stream] of this.#neighbours) {
      if (isTo(stream, address)) this.#neighbours.delete(key)
    }
    this.emit('doubt', address)
  }

  /** What a dial has found of the peer's NAT and of this machine's, in hyperdht's numbers. */
  sawNats(key: string, remote: number, local: number): void {
    if (remote > 0) this.#nats.set(key, remote >= RANDOM)
    if (local > 0) this.#ownNatIsRandom = local >= RANDOM
  }

  hasRandomNat(key: string): boolean {
    return this.#nats.get(key) === true
  }

  /** The way that the packets of a connection take now, of one that a relay may carry. */
  wayOf(stream: NoiseSecretStream): LinkWay {
    const { remoteHost, remotePort, socket } = stream.rawStream
    const ofItsProcess = this.#met.get(stream)?.relay
    for (const { rawStream, remotePublicKey } of this.#relaySockets) {
      // The process that relays is reached at the same address, and directly.
      if (remotePublicKey.toString('hex') === ofItsProcess) continue
      if (rawStream?.remoteHost !== remoteHost || rawStream.remotePort !== remotePort) continue
      if (rawStream.socket !== socket) continue
      return { path: 'relayed', relay: this.#peerWith(remotePublicKey.toString('hex')) }
    }
    return directWayOf(stream)
  }

  /** A relay has a key of its own for that; people know it by the key of its peer. */
  #peerWith(relay: string): string {
    for (const [{ remotePublicKey }, met] of this.#met) {
      if (met.relay === relay) return remotePublicKey.toString('hex')
    }
    return relay
  }

  /**
   * The nodes of the DHT that lead others to this process shall learn its address now. They see
   * the old one until they hear from it.
   */
  refresh(): void {
    for (const server of this.dht.listening) {
      server.refresh()
      server._announcer?._sleeper.resume()
    }
  }

  #changed(why: string): void {
    this.#ownNatIsRandom = false
    this.#beacons?.join()
    this.refresh()
    this.emit('change', why)
  }

  /** hyperdht keeps them to itself, and they alone are dialled without a key pair. */
  #watchRelaySockets(): void {
    const connect = this.dht.connect.bind(this.dht)
    this.dht.connect = (publicKey, options) => {
      const stream = connect(publicKey, options)
      if (options?.keyPair === undefined) {
        this.#relaySockets.add(stream)
        stream.once('close', () => this.#relaySockets.delete(stream))
      }
      return stream
    }
  }
}

const isTo = ({ rawStream }: NoiseSecretStream, { host, port }: DHT.Address): boolean =>
  rawStream.remoteHost === host && rawStream.remotePort === port

/** The way of a connection that no relay carries. */
export function directWayOf({ rawStream: { remoteHost } }: NoiseSecretStream): LinkWay {
  const isLan = isNearAddress(remoteHost) && !remoteHost.startsWith('127.')
  return { path: isLan ? 'lan' : 'direct', relay: null }
}

/**
 * The pings of a server keep its mapping open in the NAT, where 30 s would do, and notice nodes of
 * the DHT that have gone. Most of what an idle home sends would be these.
 */
function pingLess(server: DHT.Server): void {
  const sleeper = server._announcer?._sleeper
  if (sleeper === undefined || sleeper.isSlow === true) return
  const pause = sleeper.pause.bind(sleeper)
  sleeper.isSlow = true
  sleeper.pause = (ms) => pause(ms * PING_FACTOR)
}
