/**
 * One peer's place in the mesh: it listens under its role if others look for that role, keeps a
 * connection to every peer of the roles it follows, and knows which connections are open now.
 */
import { EventEmitter } from 'node:events'
import RPC, { type Server as RpcServer } from '@hyperswarm/rpc'
import c from 'compact-encoding'
import type DHT from 'hyperdht'
import type { KeyPair } from 'hyperdht'
import type ProtomuxRPC from 'protomux-rpc'
import type { Logger } from '#shared/process/log.ts'
import type { LinkPath, PeerLink } from '#shared/rpc/peer-link.ts'
import { Router } from '#shared/rpc/router.ts'
import { Announcement } from './discovery/announcement.ts'
import { ANNOUNCE_MS, DIAL_MS_MAX } from './discovery/dht.ts'
import { Dialler } from './connection/dialler.ts'
import { Follower } from './discovery/follower.ts'
import { Neighbours } from './discovery/neighbours.ts'
import type { ContactFacts } from './diagnosis/diagnose.ts'
import {
  greet,
  GUEST_ROLE,
  receive,
  type GuestEntrance,
  type HandshakeFacts
} from './connection/handshake.ts'
import { LocalListener } from './connection/local-socket.ts'
import { Relay } from './connection/relay.ts'
import { isListeningRole, type ListeningRole, type PeerRole } from '#shared/contracts/peers/role.ts'
import { lookup } from './discovery/lookup.ts'
import { hostTopicOf, topicsOf } from './discovery/topics.ts'
import { guarded } from './connection/guarded-stream.ts'
import { PendingConnections } from './connection/pending.ts'
import { Exchange, type Renews } from './membership/exchange.ts'
import type { Membership } from './membership/membership.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { within } from '#shared/kit/within.ts'

/** Connections that others may open to us; one more is refused in the Noise handshake. */
const ACCEPTED_MAX = 2048
/** Keys that have passed a hello and so may use our relay. */
const MEMBERS_MAX = 8192
/** Peers that redeem an invite at the same time; the oldest makes room. */
const GUESTS_MAX = 256
/** Time for that, with a person who has to approve it. */
const GUEST_MS_MAX = 10 * 60_000
/** Time to withdraw this peer's announcements from the DHT. */
const WITHDRAW_MS_MAX = 1000

export interface MeshOptions {
  /** Owned by the mesh from now on: `stop` destroys it. */
  dht: DHT
  keyPair: KeyPair
  /** Who certified this peer, and how it judges others. */
  membership: Membership
  role: PeerRole
  log: Logger
  router?: Router
  /** Time between two lookups of a role that has been found. */
  lookupMs: number
  /** Time between two announcements of this peer. */
  announceMs?: number
  /** Time that a dial may take until bytes flow. */
  dialMsMax?: number
  /** Set where this peer forwards for members that cannot reach each other. */
  relay?: KeyPair
  /** True: peers of this machine talk over one of its sockets. */
  localSockets?: boolean
  /** Public keys, hex, of the peers of a role that may run beside this one. */
  neighbours?: (role: ListeningRole) => Iterable<string>
  /** False: the start does not wait until this peer can be found, and goes on by itself. */
  waitsForDht?: boolean
  random?: () => number
  now?: () => number
  /** Set where invites are redeemed. */
  guests?: GuestEntrance
  /** Set where certificates are renewed otherwise than as they are. */
  renews?: Renews
}

interface MeshEvents {
  /** A connection is open. */
  link: [PeerLink]
  /** A connection is gone. */
  lost: [PeerLink]
}

export class Mesh extends EventEmitter<MeshEvents> {
  readonly #options: MeshOptions
  readonly #rpc: RPC
  readonly #facts: HandshakeFacts
  readonly #dialler: Dialler
  readonly #links = new Map<string, PeerLink>() // by key; at most ACCEPTED_MAX and what we dialled
  readonly #members = new BoundedMap<string, true>(MEMBERS_MAX) // by key
  readonly #followers: { role: ListeningRole; follower: Follower }[] = []
  readonly #neighbours: Neighbours[] = []
  readonly #dials = new Map<string, Promise<void>>() // under way, by key
  readonly #announced = new Map<ListeningRole, KeyPair>()
  readonly #announcements = new Map<string, Announcement>() // by role and topic
  readonly #pending = new PendingConnections()
  readonly #guests = new Set<PeerLink>() // at most GUESTS_MAX
  readonly #exchange: Exchange
  #server: RpcServer | null = null
  #local: LocalListener | null = null
  #relay: Relay | null = null
  #stopping: Promise<void> | null = null

  constructor(options: MeshOptions) {
    super()
    this.setMaxListeners(0) // one for each request that waits for a first connection
    this.#options = options
    const { dht, keyPair, membership, role, log, router = new Router(), renews } = options
    this.#rpc = new RPC({ dht, keyPair, valueEncoding: c.raw })
    this.#exchange = new Exchange({ membership, links: (of) => this.links(of), renews, log })
    this.#exchange.addTo(router)
    this.#facts = { membership, keyPair, role, router, log, guests: options.guests }
    const { localSockets = false, dialMsMax = DIAL_MS_MAX.local } = options
    const dialling = { dht, rpc: this.#rpc, keyPair, localSockets, dialMsMax }
    this.#dialler = new Dialler({
      ...dialling,
      findRelays: () => this.#findRelays(),
      greet: (rpc, path) => greet(rpc, { ...this.#facts, path })
    })
    // A relay is dialled by the node itself, and lets in members by their key.
    dht.defaultKeyPair = keyPair
  }

  /** Own public key in hex: the name of this peer. */
  get key(): string {
    return this.#options.keyPair.publicKey.toString('hex')
  }

  get role(): PeerRole {
    return this.#options.role
  }

  /** Open connections, to peers of one role or to all. */
  links(role?: PeerRole): PeerLink[] {
    const links = [...this.#links.values()]
    return role === undefined ? links : links.filter(({ peer }) => peer.role === role)
  }

  link(key: string): PeerLink | undefined {
    return this.#links.get(key)
  }

  /**
   * Begins to listen, if others look for this role. Resolves when it can be found; with
   * `waitsForDht: false` as soon as peers of this machine can.
   */
  async start(): Promise<void> {
    const { role, log, membership, waitsForDht = true } = this.#options
    membership.on('revocations', this.#onChange)
    membership.on('credentials', this.#onChange)
    this.#exchange.start()
    if (isListeningRole(role)) await this.#listenLocally() // whoever finds us may be here
    const findable = this.#becomeFindable()
    if (waitsForDht) return findable
    findable.catch((error: unknown) => {
      if (!this.#isStopped) log.error({ err: error }, 'this peer cannot be found by others')
    })
  }

  async #becomeFindable(): Promise<void> {
    const { dht, role, relay } = this.#options
    await dht.fullyBootstrapped()
    if (this.#isStopped) return
    if (isListeningRole(role)) await this.#listen(role)
    if (relay !== undefined && !this.#isStopped) await this.#startRelay(relay)
  }

  /** Keeps a connection to every peer of the role from now on. */
  follow(role: ListeningRole): void {
    if (this.#isStopped || this.#followers.some((known) => known.role === role)) return
    const { dht, membership, lookupMs, log } = this.#options
    const follower = new Follower({
      dht,
      topics: () => topicsOf(membership.epochs, role),
      lookupMs,
      isSelf: (key) => key === this.key,
      isConnected: (key) => this.#links.has(key),
      dial: (publicKey) => this.#dial(publicKey, () => this.#dialler.dial(publicKey)),
      random: this.#options.random ?? Math.random,
      now: this.#options.now ?? (() => performance.now()),
      log
    })
    this.#followers.push({ role, follower })
    follower.start()
    this.#meetNeighbours(role)
  }

  #meetNeighbours(role: ListeningRole): void {
    const { neighbours, localSockets = false, random = Math.random } = this.#options
    if (neighbours === undefined || !localSockets) return
    const met = new Neighbours({
      keys: () => [...neighbours(role)].filter((key) => key !== this.key),
      isConnected: (key) => this.#links.has(key),
      dial: (publicKey) => this.#dial(publicKey, () => this.#dialler.dialNear(publicKey)),
      random
    })
    this.#neighbours.push(met)
    met.start()
  }

  /** One dial at a time for each peer: a second connection would replace the first. */
  async #dial(publicKey: Buffer, open: () => Promise<PeerLink | null>): Promise<void> {
    const key = publicKey.toString('hex')
    const underWay = this.#dials.get(key)
    if (underWay !== undefined) return underWay
    if (this.#links.has(key)) return
    const dial = open().then((link) => void (link !== null && this.#add(link)))
    this.#dials.set(key, dial)
    try {
      await dial
    } finally {
      this.#dials.delete(key)
    }
  }

  /** What the search for peers of a followed role has come to. */
  contact(role: ListeningRole): ContactFacts {
    const { follower } = this.#followers.find((known) => known.role === role) ?? {}
    const { found, failures } = follower?.contact ?? { found: 0, failures: [] }
    return { found, failures, relays: 0, clockAheadMs: null }
  }

  /** Withdraws, closes every connection and destroys the DHT node: the others see it at once. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  get #isStopped(): boolean {
    return this.#stopping !== null
  }

  async #stop(): Promise<void> {
    const { membership } = this.#options
    membership.off('revocations', this.#onChange)
    membership.off('credentials', this.#onChange)
    this.#exchange.stop()
    for (const { follower } of this.#followers) follower.stop()
    for (const neighbours of this.#neighbours) neighbours.stop()
    for (const guest of this.#guests) guest.close('stopping')
    await Promise.all([
      ...[...this.#announcements.values()].map((announcement) => announcement.stop()),
      ...[...this.#links.values()].map((link) => link.end('stopping')),
      this.#relay?.stop(),
      within(WITHDRAW_MS_MAX, this.#server?.close() ?? Promise.resolve())
    ])
    this.#local?.close()
    await this.#rpc.destroy({ force: true })
    // Without force it would wait for the servers again, 5 s when no DHT node answers.
    await this.#options.dht.destroy({ force: true })
  }

  async #listen(role: ListeningRole): Promise<void> {
    const server = this.#rpc.createServer({
      ...guarded,
      firewall: (key) =>
        this.#isStopped ||
        server.connections.size >= ACCEPTED_MAX ||
        this.#options.membership.isRevoked(key.toString('hex'))
    })
    this.#server = server
    server.on('connection', (rpc) => this.#receive(rpc, 'direct'))
    await server.listen()
    await this.#announce(role, this.#options.keyPair)
  }

  /** The list of revoked peers, or the epoch, has changed. */
  readonly #onChange = () => {
    this.#relay?.dropFallen()
    for (const [role, keyPair] of this.#announced) void this.#announce(role, keyPair)
  }

  async #listenLocally(): Promise<void> {
    const { keyPair, localSockets = false, log } = this.#options
    if (!localSockets || this.#isStopped) return
    const connectionsMax = ACCEPTED_MAX
    const onConnection = (rpc: ProtomuxRPC) => this.#receive(rpc, 'local')
    this.#local = new LocalListener({ keyPair, connectionsMax, onConnection })
    try {
      await this.#local.listen()
    } catch (error) {
      log.debug({ err: error }, 'no local socket: peers of this machine come over the network')
    }
  }

  #receive(rpc: ProtomuxRPC, path: LinkPath): void {
    const address = path === 'local' ? path : rpc.stream.rawStream.remoteHost
    const leave = this.#pending.enter(address, rpc)
    receive(rpc, { ...this.#facts, path }, (link) => {
      leave()
      if (link.peer.role === GUEST_ROLE) this.#addGuest(link)
      else this.#add(link)
    })
  }

  /** A guest is no peer of any service: it is here to redeem its invite, and goes. */
  #addGuest(link: PeerLink): void {
    const [oldest] = this.#guests
    if (this.#guests.size >= GUESTS_MAX) oldest!.close('too many guests')
    this.#guests.add(link)
    const timer = setTimeout(() => link.close('the visit is over'), GUEST_MS_MAX)
    void link.closed.then(() => {
      clearTimeout(timer)
      this.#guests.delete(link)
    })
  }

  /** Under the topics of the epochs in use, and no longer under others. */
  async #announce(role: ListeningRole, keyPair: KeyPair): Promise<void> {
    if (this.#isStopped) return
    this.#announced.set(role, keyPair)
    const { dht, membership, log, announceMs: againMs = ANNOUNCE_MS.public } = this.#options
    const topics = topicsOf(membership.epochs, role)
    if (this.#options.guests !== undefined) topics.push(hostTopicOf(membership.mesh))
    const names = new Set(topics.map((topic) => `${role}/${topic.toString('hex')}`))
    for (const [name, announcement] of this.#announcements) {
      if (!name.startsWith(`${role}/`) || names.has(name)) continue
      this.#announcements.delete(name)
      void announcement.stop()
    }
    for (const topic of topics) {
      const name = `${role}/${topic.toString('hex')}`
      if (this.#announcements.has(name)) continue
      const announcement = new Announcement({ dht, topic, keyPair, againMs, log })
      this.#announcements.set(name, announcement)
      await announcement.start()
    }
  }

  async #findRelays(): Promise<Buffer[]> {
    const { dht, membership } = this.#options
    const keys = new Map<string, Buffer>()
    for (const topic of topicsOf(membership.epochs, 'relay')) {
      await lookup(dht, topic, (key) => keys.set(key.toString('hex'), key))
    }
    return [...keys.values()]
  }

  async #startRelay(keyPair: KeyPair): Promise<void> {
    const { dht } = this.#options
    this.#relay = new Relay({ dht, keyPair, isMember: (key) => this.#isMember(key) })
    await this.#relay.start()
    await this.#announce('relay', keyPair)
  }

  #isMember(key: string): boolean {
    return this.#members.has(key) && !this.#options.membership.isRevoked(key)
  }

  /**
   * One connection for each pair: a peer that comes back replaces its old connection. Two peers
   * never dial each other, because no two roles follow each other.
   */
  #add(link: PeerLink): void {
    const { key } = link.peer
    if (this.#isStopped || link.isClosed) {
      link.close('stopping')
      return
    }
    const old = this.#links.get(key)
    if (old !== undefined) this.#drop(old, 'replaced by a newer connection')
    this.#links.set(key, link)
    this.#members.set(key, true)
    void link.closed.then(() => this.#drop(link, 'closed'))
    const { dialer, path } = link
    this.#options.log.debug({ peer: key, role: link.peer.role, dialer, path }, 'connection open')
    this.emit('link', link)
    this.#exchange.linked(link)
  }

  #drop(link: PeerLink, reason: string): void {
    const { key } = link.peer
    if (this.#links.get(key) !== link) return // a newer connection has replaced it before
    this.#links.delete(key)
    link.close(reason)
    this.emit('lost', link)
    for (const { follower } of this.#followers) follower.lost(key)
  }
}
