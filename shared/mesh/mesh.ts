/**
 * One peer's place in the mesh: it listens under its role if others look for that role, keeps a
 * connection to every peer of the roles it follows, and knows which connections are open now.
 */
import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import RPC, { type Server as RpcServer } from '@hyperswarm/rpc'
import c from 'compact-encoding'
import type DHT from 'hyperdht'
import type { KeyPair, NoiseSecretStream } from 'hyperdht'
import type ProtomuxRPC from 'protomux-rpc'
import type { Logger } from '#shared/process/log.ts'
import type { LinkWay, PeerLink } from '#shared/rpc/peer-link.ts'
import { Router } from '#shared/rpc/router.ts'
import { Announcement } from './discovery/announcement.ts'
import { Announcements } from './discovery/announcements.ts'
import { ANNOUNCE_MS, DIAL_MS_MAX } from './discovery/dht.ts'
import { BetterWays } from './connection/better-way.ts'
import { Dialler } from './connection/dialler.ts'
import { Follower } from './discovery/follower.ts'
import { Neighbours } from './discovery/neighbours.ts'
import type { ContactFacts } from './diagnosis/diagnose.ts'
import {
  greet,
  GUEST_ROLE,
  receive,
  type Greeted,
  type GuestEntrance,
  type HandshakeFacts
} from './connection/handshake.ts'
import { LocalListener, localWay } from './connection/local-socket.ts'
import { OwnRelay } from './connection/own-relay.ts'
import type { Statement } from '#shared/contracts/peers/order.ts'
import { relayOffer } from '#shared/contracts/peers/relaying.ts'
import {
  isListeningRole,
  LISTENING_ROLES,
  type ListeningRole,
  type PeerRole
} from '#shared/contracts/peers/role.ts'
import { takeOffer } from './connection/tls/connections.ts'
import { searchAlsoOverTls } from './connection/tls/search-over-tls.ts'
import { tlsEntrance, type TlsPlace } from './connection/tls/tls-entrance.ts'
import type { TlsAddress } from './connection/tls/tls-address.ts'
import type { TlsRelay } from './connection/tls/tls-relay.ts'
import { HaifError } from '#shared/errors.ts'
import { lookup } from './discovery/lookup.ts'
import { hostRelayTopicOf, hostTopicOf, topicsOf } from './discovery/topics.ts'
import { guarded } from './connection/guarded-stream.ts'
import { isMember, type MemberIdentity } from './connection/member-identity.ts'
import { PendingConnections } from './connection/pending.ts'
import { RefusalLog } from './connection/refusal-log.ts'
import { Twins } from './connection/twins.ts'
import { Visits } from './connection/visits.ts'
import { Exchange, type Renews } from './membership/exchange.ts'
import type { Acquaintance } from './membership/acquaintances.ts'
import type { Membership } from './membership/membership.ts'
import { RemovedHere } from './membership/revocation.ts'
import { signed, type StatementKind } from './membership/signature.ts'
import { speakerOf, stated } from './membership/statement.ts'
import { MeshNode } from './node.ts'
import { within } from '#shared/kit/within.ts'

/** Connections that others may open to us; one more is refused in the Noise handshake. */
const ACCEPTED_MAX = 2048
/** Dials that cross each other end within it. */
const CROSSED_MS = 3000
/** For the other keys of a topic, once a node has named one. */
const OTHERS_NAMED_MS = 150
const REPLACED = 'replaced by a newer connection'
/**
 * Most pairs of peers need no relay, and looking for one takes packets and time from the first
 * dials. So it waits for this long, or until a dial has found that it needs one.
 */
const RELAYS_AFTER_MS = 150
/** Time to withdraw this peer's announcements from the DHT. */
const WITHDRAW_MS_MAX = 1000

export interface MeshOptions {
  /** The node that the peers of this process share, or a DHT node for this one alone. */
  dht: DHT | MeshNode
  keyPair: KeyPair
  /** Who certified this peer, and how it judges others. */
  membership: Membership
  role: PeerRole
  log: Logger
  router?: Router
  /** Time between two lookups of a role that has been found. */
  lookupMs: number
  /** Up to this it grows while nothing happens. */
  lookupMsMax?: number
  /** Time between two announcements of this peer. */
  announceMs?: number
  /** Time that a dial may take until bytes flow. */
  dialMsMax?: number
  /** True: the peer forwards for members that cannot reach each other, while it can be reached. */
  relays?: boolean
  /** Set where it does so over TLS, too, for members whose network blocks UDP. */
  tls?: TlsPlace
  /** True: it may need a relay. */
  needsRelays?: boolean
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
  /** This peer was removed from the mesh. At most once; where nobody listens it is logged. */
  removed: [RemovedHere]
}

export class Mesh extends EventEmitter<MeshEvents> {
  readonly #options: MeshOptions
  readonly #node: MeshNode
  readonly #rpc: RPC
  readonly #facts: HandshakeFacts
  readonly #dialler: Dialler
  readonly #links = new Map<string, PeerLink>() // by key; at most ACCEPTED_MAX and what we dialled
  readonly #greeted = new WeakMap<PeerLink, Greeted>()
  readonly #openedAt = new WeakMap<PeerLink, number>()
  readonly #followers: { role: ListeningRole; follower: Follower }[] = []
  readonly #neighbours: Neighbours[] = []
  readonly #dials = new Map<string, Promise<void>>() // under way, by key
  readonly #announcements: Announcements
  readonly #pending = new PendingConnections()
  readonly #visits = new Visits()
  readonly #betterWays: BetterWays
  readonly #exchange: Exchange
  readonly #twins = new Twins()
  #hasTwin = false
  #isRemoved = false
  #server: RpcServer | null = null
  #local: LocalListener | null = null
  #relay: OwnRelay | null = null
  #entrance: TlsRelay | null = null
  #welcoming: Promise<void> | null = null
  #stopping: Promise<void> | null = null

  constructor(options: MeshOptions) {
    super()
    this.setMaxListeners(0) // one for each request that waits for a first connection
    this.#options = options
    const { dht, keyPair, membership, role, log, router = new Router(), renews } = options
    this.#node = dht instanceof MeshNode ? dht : new MeshNode(dht)
    this.#node.join(this, keyPair)
    this.#rpc = new RPC({ dht: this.#node.dht, keyPair, valueEncoding: c.raw })
    this.#announcements = new Announcements({
      topicsOf: (of) => this.#topicsOf(of),
      make: (topic) => this.#announcement(topic, keyPair)
    })
    const onFallen = (error: HaifError) => this.#fallen(error)
    const links = (of?: PeerRole) => this.links(of)
    this.#exchange = new Exchange({ membership, links, renews, onFallen, log })
    this.#exchange.addTo(router)
    router.respond(relayOffer, ({ token, port }, { peer }) => {
      void this.#takeOffer(token, port, peer.key)
      return {}
    })
    const { guests, localSockets = false, dialMsMax = DIAL_MS_MAX.local } = options
    const refusals = new RefusalLog(log, () => performance.now())
    const { processId } = this.#node
    const onTwin = (address: string) => this.#heardOfTwin(address)
    const self = { membership, keyPair, role, processId, router, log }
    this.#facts = { ...self, refusals, guests, onTwin, node: this.#node }
    const onDoubt = (link: PeerLink) => this.#doubted(link)
    this.#dialler = new Dialler({
      node: this.#node,
      rpc: this.#rpc,
      keyPair,
      localSockets,
      dialMsMax,
      greet: (rpc, way) => greet(rpc, { ...this.#facts, way, onDoubt })
    })
    const { random = Math.random } = options
    const dial = ({ peer }: PeerLink) => this.#dialDirectly(Buffer.from(peer.key, 'hex'))
    this.#betterWays = new BetterWays({ dial, random })
  }

  /** Own public key in hex: the name of this peer. */
  get key(): string {
    return this.#options.keyPair.publicKey.toString('hex')
  }

  /** Signs a statement in the name of this peer. */
  sign(kind: StatementKind, bytes: Uint8Array): Buffer {
    return signed(kind, bytes, this.#options.keyPair)
  }

  /** The same with this peer's certificate, for peers that are not connected to it. */
  state(kind: StatementKind, text: string): Statement {
    return stated(kind, text, this.#options)
  }

  /** The key of the peer that has said it; throws unless it may play that role now. */
  speakerOf(kind: StatementKind, statement: Statement, role: PeerRole): string {
    return speakerOf(kind, statement, role, this.#options.membership)
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
    const { role, log, membership, tls, waitsForDht = true } = this.#options
    if (tls !== undefined) {
      this.#entrance = tlsEntrance(this, tls) // first: a taken port is the likeliest failure
      await this.#entrance.start()
      this.#node.relaysOverTls(this.#entrance.port)
    }
    membership.on('revocations', this.#onChange)
    membership.on('credentials', this.#onChange)
    membership.acquaintances.on('met', this.#onMet)
    this.#node.on('change', this.#onNetworkChange)
    this.#node.on('about', this.#onAbout)
    this.#node.on('doubt', this.#onDoubt)
    this.#node.on('met', this.#onWay)
    this.#exchange.start()
    if (isListeningRole(role)) await this.#listenLocally() // whoever finds us may be here
    const findable = isListeningRole(role) ? this.#becomeFindable(role) : Promise.resolve()
    const follow = () => this.#followRelays()
    void within(RELAYS_AFTER_MS, this.#node.relays.needed).then(() => findable.then(follow, follow))
    if (waitsForDht) return findable
    findable.catch((error: unknown) => {
      if (!this.#isStopped) log.error({ err: error }, 'this peer cannot be found by others')
    })
  }

  /**
   * Lets members dial this peer by its key, although nobody looks for its role: a worker that has
   * weights for others. Later calls change nothing.
   */
  welcome(): Promise<void> {
    this.#welcoming ??= this.#welcome()
    return this.#welcoming
  }

  async #welcome(): Promise<void> {
    if (isListeningRole(this.role)) return
    await this.#listenLocally()
    await this.#node.dht.fullyBootstrapped()
    if (!this.#isStopped) await this.#serve()
  }

  async #becomeFindable(role: ListeningRole): Promise<void> {
    const { relays = false } = this.#options
    await this.#node.dht.fullyBootstrapped()
    if (relays) await this.#startRelay()
    if (!this.#isStopped) await this.#listen(role)
  }

  /** One peer of the process does it for all. Whoever can be reached from outside needs none. */
  #followRelays(): void {
    const { needsRelays = false } = this.#options
    if (needsRelays && this.#node.isLead(this) && !this.#node.isReachable) this.follow('relay')
  }

  /** Whether it can be reached from outside and so relays for others. */
  get isRelaying(): boolean {
    return this.#relay?.isRunning ?? false
  }

  /** Keys under which relays can be reached now, best first: its own, then those that it knows. */
  get relayKeys(): Buffer[] {
    const own = this.#relay?.runningKey ?? null
    return [...(own === null ? [] : [own]), ...this.#node.relays.ranked()]
  }

  /** Where relays of the mesh listen for TLS. */
  get tlsRelays(): readonly TlsAddress[] {
    return this.#node.tlsRelays.addresses
  }

  /** Where it listens for TLS, for members whose network blocks UDP; null: it does not. */
  get tlsPort(): number | null {
    return this.#entrance?.port ?? null
  }

  /** Keeps a connection to every peer of the role from now on. */
  follow(role: ListeningRole): void {
    if (this.#isStopped || this.#followers.some((known) => known.role === role)) return
    const { membership, lookupMs, lookupMsMax = lookupMs, log } = this.#options
    const follower = new Follower({
      search: (topic, onKey) => searchAlsoOverTls(this.#node, topic, onKey),
      topics: () => topicsOf(membership.epochs, role),
      lookupMs,
      lookupMsMax,
      // Who is connected can wait: a relay that is new dials the registries.
      canWait: () => role === 'relay' && this.#links.size > 0,
      // Two relays would dial each other, and need not.
      isSelf: (key) => key === this.key || (role === 'relay' && this.isRelaying),
      isConnected: (key) => this.#links.has(key),
      // Without UDP a relay is of no use but over TLS, and there it is asked each time.
      dial: (publicKey, again) =>
        this.#dial(publicKey, () => this.#dialler.dial(publicKey, role !== 'relay'), again),
      random: this.#options.random ?? Math.random,
      now: this.#options.now ?? (() => performance.now()),
      log
    })
    this.#followers.push({ role, follower })
    follower.start()
    const { acquaintances } = membership
    for (const key of acquaintances.of(role)) {
      this.#node.whereabouts.remembered(key, acquaintances.addressOf(key))
      follower.suggest(key)
    }
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
  async #dial(
    publicKey: Buffer,
    open: () => Promise<Greeted | null>,
    again = false
  ): Promise<void> {
    const key = publicKey.toString('hex')
    const underWay = this.#dials.get(key)
    if (underWay !== undefined) return underWay
    if (this.#links.has(key) && !again) return
    const dial = open().then((greeted) => void (greeted !== null && this.#add(greeted)))
    this.#dials.set(key, dial)
    try {
      await dial
    } catch (error) {
      if (error instanceof RemovedHere) this.#refused(error)
      throw error
    } finally {
      this.#dials.delete(key)
    }
  }

  #dialDirectly(publicKey: Buffer): Promise<void> {
    return this.#dial(publicKey, () => this.#dialler.dialDirectly(publicKey), true)
  }

  /** Any member could say so of this one: it counts only while nobody else talks to it. */
  #refused(error: RemovedHere): void {
    if (this.#links.size === 0) this.#fallen(error)
  }

  /** A person has to read it, because no peer will say it again. */
  #fallen(error: HaifError): void {
    if (this.#isStopped || this.#isRemoved) return
    if (error instanceof RemovedHere) {
      this.#isRemoved = true
      if (this.emit('removed', error)) return
    }
    const { code, message } = error
    this.#options.log.error({ code }, `this peer is no member any more: ${message}`)
  }

  /** The connection to a peer, which is opened if there is none. Rejects with the reason. */
  async reach(publicKey: Buffer): Promise<PeerLink> {
    await this.#dial(publicKey, () => this.#dialler.dial(publicKey))
    const link = this.#links.get(publicKey.toString('hex'))
    if (link !== undefined) return link
    throw new HaifError('PEER_LOST', 'the peer was lost as soon as it was reached')
  }

  /** Keys in hex that are announced under a topic; null when it is no topic of this mesh. */
  async keysUnder(topic: Buffer): Promise<string[] | null> {
    const { membership } = this.#options
    const isAmong = (topics: readonly Buffer[]) => topics.some((each) => each.equals(topic))
    const role = isAmong([hostTopicOf(membership.mesh)])
      ? 'registry'
      : LISTENING_ROLES.find((each) => isAmong(topicsOf(membership.epochs, each)))
    if (role === undefined) return null
    // Those that are connected are there also while the DHT is away.
    const keys = new Set(this.links(role).map(({ peer }) => peer.key))
    const { promise: named, resolve } = Promise.withResolvers<void>()
    const all = lookup(this.#node.dht, topic, (key) => {
      keys.add(key.toString('hex'))
      resolve()
    })
    if (keys.size > 0) resolve()
    // Nodes that have gone hold up the end of a lookup, and who asks has waited already.
    await Promise.race([all, named.then(() => sleep(OTHERS_NAMED_MS))])
    return [...keys]
  }

  /** Somebody without UDP waits for this peer at a relay. */
  async #takeOffer(token: string, port: number, relay: string): Promise<void> {
    const { keyPair, log } = this.#options
    const host = this.#links.get(relay)?.remote?.host ?? '127.0.0.1'
    try {
      const { rpc, way } = await takeOffer({ host, port }, { token, relay }, keyPair)
      this.#receive(rpc, way)
    } catch (error) {
      log.debug({ relay, err: error }, 'the offer of a relay could not be taken')
    }
  }

  /** What the search for peers of a followed role has come to. */
  contact(role: ListeningRole): ContactFacts {
    const { follower } = this.#followers.find((known) => known.role === role) ?? {}
    const { found, failures } = follower?.contact ?? { found: 0, failures: [] }
    const { clockAheadMs = null } = failures.find((each) => each.clockAheadMs !== undefined) ?? {}
    return { found, failures, relays: this.#node.relays.size, clockAheadMs }
  }

  /** Withdraws, closes every connection and destroys the DHT node: the others see it at once. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  #now(): number {
    return this.#options.now?.() ?? performance.now()
  }

  get #isStopped(): boolean {
    return this.#stopping !== null
  }

  async #stop(): Promise<void> {
    const { membership } = this.#options
    membership.off('revocations', this.#onChange)
    membership.off('credentials', this.#onChange)
    membership.acquaintances.off('met', this.#onMet)
    this.#node.off('change', this.#onNetworkChange)
    this.#node.off('about', this.#onAbout)
    this.#node.off('doubt', this.#onDoubt)
    this.#node.off('met', this.#onWay)
    this.#exchange.stop()
    this.#betterWays.stop()
    for (const { follower } of this.#followers) follower.stop()
    for (const neighbours of this.#neighbours) neighbours.stop()
    this.#visits.end()
    await Promise.all([
      this.#announcements.stop(),
      ...[...this.#links.values()].map((link) => link.end('stopping')),
      this.#relay?.stop(),
      this.#entrance?.stop(),
      within(WITHDRAW_MS_MAX, this.#server?.close() ?? Promise.resolve())
    ])
    this.#local?.close()
    await this.#rpc.destroy({ force: true })
    await this.#node.leave(this)
  }

  async #listen(role: ListeningRole): Promise<void> {
    await this.#serve()
    // A relay lets others find it when it can be reached from outside.
    if (role !== 'relay') await this.#announcements.announce(role)
  }

  async #serve(): Promise<void> {
    const server = this.#rpc.createServer({
      ...guarded,
      firewall: (key) =>
        this.#isStopped ||
        server.connections.size >= ACCEPTED_MAX ||
        this.#options.membership.isRevoked(key.toString('hex'))
    })
    this.#server = server
    server.on('connection', (rpc) => this.#receive(rpc, (stream) => this.#node.wayOf(stream)))
    await server.listen()
    this.#node.listens(this.key)
  }

  /** The list of revoked peers, or the epoch, has changed. */
  readonly #onChange = () => {
    this.#relay?.dropFallen()
    this.#announcements.refresh()
  }

  readonly #onMet = ({ role, key }: Acquaintance) => {
    this.#followers.find((known) => known.role === role)?.follower.suggest(key)
  }

  async #listenLocally(): Promise<void> {
    const { keyPair, localSockets = false, log } = this.#options
    if (!localSockets || this.#isStopped) return
    const connectionsMax = ACCEPTED_MAX
    const onConnection = (rpc: ProtomuxRPC) => this.#receive(rpc, localWay)
    this.#local = new LocalListener({ keyPair, connectionsMax, onConnection })
    try {
      await this.#local.listen()
    } catch (error) {
      log.debug({ err: error }, 'no local socket: peers of this machine come over the network')
    }
  }

  #receive(rpc: ProtomuxRPC, way: (stream: NoiseSecretStream) => LinkWay): void {
    const address = way === localWay ? 'local' : (rpc.stream.rawStream.remoteHost ?? 'TLS')
    const leave = this.#pending.enter(address, rpc)
    const onDoubt = (link: PeerLink) => this.#doubted(link)
    const admit = (peer: MemberIdentity) => this.#admit(peer)
    receive(rpc, { ...this.#facts, way, onDoubt, admit }, (greeted) => {
      leave()
      if (greeted.link.peer.role === GUEST_ROLE) this.#visits.add(greeted.link)
      else this.#add(greeted)
    })
  }

  #admit({ key, holder }: MemberIdentity): void {
    try {
      this.#twins.admit(key, holder)
    } catch (error) {
      const link = this.#links.get(key)
      if (link !== undefined) this.#greeted.get(link)?.tellOfTwin(holder.address)
      throw error
    }
  }

  /** The other machine tries again and again; its owner and ours need to hear it once. */
  #heardOfTwin(address: string): void {
    if (this.#hasTwin) return
    this.#hasTwin = true
    this.#options.log.error(
      { address },
      `another machine, at ${address}, has the key of this one, because a HAIF_HOME was copied: on the copy run "haif identity new", then join it with a new invite`
    )
  }

  /** Whoever redeems invites is also found by what an invite alone tells. */
  #topicsOf(role: ListeningRole): Buffer[] {
    const { membership, guests } = this.#options
    const topics = topicsOf(membership.epochs, role)
    if (guests !== undefined && role === this.role) topics.push(hostTopicOf(membership.mesh))
    return topics
  }

  #announcement(topic: Buffer, keyPair: KeyPair): Announcement {
    const { announceMs: againMs = ANNOUNCE_MS.public, log } = this.#options
    return new Announcement({ dht: this.#node.dht, topic, keyPair, againMs, log })
  }

  async #startRelay(): Promise<void> {
    const { keyPair, membership, log } = this.#options
    this.#relay = new OwnRelay({
      node: this.#node,
      keyPair,
      isMember: (key) => this.#links.has(key),
      isRevoked: (key) => membership.isRevoked(key),
      announce: (runs) =>
        runs ? this.#announcements.announce('relay') : this.#announcements.withdraw('relay'),
      announcement: (own) => this.#announcement(hostRelayTopicOf(membership.mesh), own),
      log
    })
    await this.#relay.start()
  }

  /** A peer has fallen silent while something was under way, or does not answer a question. */
  #doubted(link: PeerLink): void {
    const { peer, path, relay, remote } = link
    if (this.#links.get(peer.key) !== link) return
    this.#options.log.debug({ peer: peer.key, path }, 'silent, dialling anew')
    if (remote !== null) this.#node.doubt(remote, relay)
    if (!link.dialer) this.#node.refresh() // it dials us, perhaps at an address that we had
    for (const { follower } of this.#followers) follower.redial(peer.key)
  }

  /** What shares a way with a silent connection is asked at once. */
  readonly #onDoubt = ({ host, port }: DHT.Address): void => {
    for (const link of this.#links.values()) {
      const { remote } = link
      if (remote?.host === host && remote.port === port) this.#check(link)
    }
  }

  #check(link: PeerLink): void {
    this.#greeted.get(link)?.liveness.check()
  }

  /** Another address, another network, or the end of a sleep: what is open may lead nowhere. */
  readonly #onNetworkChange = (): void => {
    for (const link of this.#links.values()) this.#check(link)
    for (const { follower } of this.#followers) follower.hurry()
    this.#announcements.hurry()
    this.#relay?.hurry()
  }

  /** A peer of another process is connected, perhaps through a hole that serves those beside it. */
  readonly #onWay = (): void => {
    for (const { peer, dialer } of this.#links.values()) {
      const { role, key } = peer
      const address = dialer ? this.#node.addressOf(key) : null
      if (address === null || !isListeningRole(role)) continue
      this.#options.membership.acquaintances.add({ role, key, address })
    }
    this.#betterWays.hurry(({ peer }) => this.#node.routeTo(peer.key) !== null)
  }

  readonly #onAbout = (): void => {
    for (const link of this.#links.values()) this.#greeted.get(link)?.tell()
  }

  /**
   * One connection for each pair: a peer that comes back replaces its old connection. Only a relay
   * and a registry may dial each other; when both do at once, both ends keep the same connection.
   */
  #add(greeted: Greeted): void {
    const { link } = greeted
    const { key } = link.peer
    if (this.#isStopped || link.isClosed) {
      link.close('stopping')
      return
    }
    if (this.#options.membership.isRevoked(key)) {
      link.close('revoked since its hello')
      return
    }
    const old = this.#links.get(key)
    if (old !== undefined && this.#hasCrossed(old, link)) {
      link.close(REPLACED)
      return
    }
    if (old !== undefined) this.#drop(old, REPLACED)
    this.#links.set(key, link)
    this.#openedAt.set(link, this.#now())
    this.#greeted.set(link, greeted)
    if (!link.dialer && isMember(link.peer)) this.#twins.connected(key, link.peer.holder)
    void link.closed.then(() => this.#drop(link, 'closed'))
    const { dialer, path } = link
    this.#options.log.debug({ peer: key, role: link.peer.role, dialer, path }, 'connection open')
    this.emit('link', link)
    this.#betterWays.watch(link)
    const { role } = link.peer
    if (isListeningRole(role)) this.#options.membership.acquaintances.add({ role, key })
    // Other connections may be opening: what is to be told can wait for them.
    setImmediate(() => link.isClosed || this.#exchange.linked(link))
  }

  /** Both sides have dialled at once, and the connection that counts is there already. */
  #hasCrossed(old: PeerLink, link: PeerLink): boolean {
    const isNew = this.#now() - (this.#openedAt.get(old) ?? 0) < CROSSED_MS
    if (old.dialer === link.dialer || !isNew) return false
    const isOwnKept = this.key < link.peer.key
    return old.dialer === isOwnKept
  }

  #drop(link: PeerLink, reason: string): void {
    const { key } = link.peer
    if (this.#links.get(key) !== link) return // a newer connection has replaced it before
    this.#links.delete(key)
    if (reason !== REPLACED && isMember(link.peer)) this.#twins.lost(key, link.peer.holder)
    link.close(reason)
    this.emit('lost', link)
    if (!link.dialer && link.path !== 'local') this.#node.refresh()
    for (const { follower } of this.#followers) follower.lost(key)
  }
}
