/**
 * Opens connections to peers by the shortest way there is: over a socket of this machine, through a
 * hole that is open already, from address to address, or through a relay.
 *
 * Directly first where that can work. Where a NAT gives random ports to one side, a hole takes
 * seconds: a relay carries meanwhile, and hyperdht moves the same connection to the hole when there
 * is one. With random ports on both sides a hole is impossible, and a relay is the only way. Where
 * the network lets no UDP through, it is a relay over TLS.
 */
import { once } from 'node:events'
import type RPC from '@hyperswarm/rpc'
import type { ConnectOptions, KeyPair, NoiseSecretStream } from 'hyperdht'
import type ProtomuxRPC from 'protomux-rpc'
import { HaifError } from '#shared/errors.ts'
import { hedged } from '#shared/kit/hedge.ts'
import { within } from '#shared/kit/within.ts'
import type { LinkWay } from '#shared/rpc/peer-link.ts'
import { directWayOf, type MeshNode } from '../node.ts'
import { codeOf, isOfRandomNats, isPeerGone } from './dial-failure.ts'
import { guarded } from './guarded-stream.ts'
import { connected, type Greeted } from './handshake.ts'
import { nudge } from './liveness.ts'
import { dialLocal, localWay } from './local-socket.ts'
import { dialOverTls } from './tls/connections.ts'
import { withLastWay } from './tls/last-way.ts'

/** A way through an open hole is quick, or is gone. */
const ROUTE_MS_MAX = 1500
const RELAY_MS_MAX = 3000
/** Directly: a lost packet costs a second, so a further try begins after this. */
const HEDGE = { afterMs: 1000, triesMax: 3 }
/** Through a relay it takes four round trips. */
const RELAY_HEDGE = { afterMs: 800, triesMax: 2 }
/** The same where the first try goes to an address of an earlier run. */
const OLD_ADDRESS_MS = 250
/** From an open connection until both sides know what else there is at the other end. */
const MEETING_MS_MAX = 500

/** As hyperdht numbers the kinds of NAT. */
const RANDOM = 3

interface DiallerOptions {
  node: MeshNode
  rpc: RPC
  keyPair: KeyPair
  localSockets: boolean
  /** Time that a dial may take until bytes flow. */
  dialMsMax: number
  /** Says hello on the connection that is open, as a member or as a guest. */
  greet: (rpc: ProtomuxRPC, way: (stream: NoiseSecretStream) => LinkWay) => Promise<Greeted>
}

export class Dialler {
  readonly #options: DiallerOptions
  /** Connections that were dialled through a relay. */
  readonly #relayed = new WeakSet<NoiseSecretStream>()

  constructor(options: DiallerOptions) {
    this.#options = options
  }

  /** `overTls`: also that way, where no other works. */
  async dial(publicKey: Buffer, overTls = true): Promise<Greeted> {
    const local = await this.#dialLocal(publicKey)
    if (local !== null) return this.#options.greet(local, localWay)
    const { node } = this.#options
    if (node.tlsRelays.isEmpty || !overTls) return this.#dialOverUdp(publicKey)
    return withLastWay(this.#dialOverUdp(publicKey), {
      last: () => this.#dialOverTls(publicKey),
      received: () => node.dht.stats.requests.responses,
      isKnownSilent: node.tlsRelays.isNeeded,
      drop: ({ link }) => link.close('another way was faster')
    })
  }

  async #dialOverTls(publicKey: Buffer): Promise<Greeted> {
    const { node, keyPair, greet } = this.#options
    const { rpc, way } = await dialOverTls(node.tlsRelays, publicKey, keyPair)
    if (node.dht.stats.requests.responses === 0) node.tlsRelays.isNeeded = true
    return greet(rpc, way)
  }

  async #dialOverUdp(publicKey: Buffer): Promise<Greeted> {
    const remote = await this.#dialRemote(publicKey)
    // A peer that restarts has its socket before it can be found on the DHT.
    const here = await this.#dialLocal(publicKey)
    if (here === null) return this.#options.greet(remote, (stream) => this.#wayOf(stream))
    remote.stream.destroy()
    return this.#options.greet(here, localWay)
  }

  #wayOf(stream: NoiseSecretStream): LinkWay {
    return this.#relayed.has(stream) ? this.#options.node.wayOf(stream) : directWayOf(stream)
  }

  async #dialRemote(publicKey: Buffer): Promise<ProtomuxRPC> {
    const { node } = this.#options
    const key = publicKey.toString('hex')
    const throughHole = await this.#throughOpenHole(publicKey, key)
    if (throughHole !== null) return throughHole
    const tried = new Set<Buffer>()
    if (node.relays.size > 0 && (node.isRandom || node.hasRandomNat(key))) {
      const relayed = await this.#throughRelays(publicKey, tried)
      if (relayed !== null) return relayed
    }
    try {
      return await this.#directly(publicKey, key)
    } catch (error) {
      if (!isOfRandomNats(error)) throw error
      await node.relays.first()
      const relayed = await this.#throughRelays(publicKey, tried)
      return relayed ?? (await this.#punchOrRelay(publicKey, key, { why: error, tried }))
    }
  }

  /** No relay was found in time; one that is found later may still be faster. */
  async #punchOrRelay(
    publicKey: Buffer,
    key: string,
    { why, tried }: { why: unknown; tried: Set<Buffer> }
  ): Promise<ProtomuxRPC> {
    const { relays } = this.#options.node
    const relayed = relays.late().then(async () => {
      const rpc = await this.#throughRelays(publicKey, tried)
      if (rpc === null) throw why
      return rpc
    })
    const ways = [this.#punch(publicKey, key, why), relayed]
    let opened: ProtomuxRPC
    try {
      opened = await Promise.any(ways)
    } catch (error) {
      throw (error as AggregateError).errors[0]
    }
    for (const way of ways) {
      way.then(
        (rpc) => rpc !== opened && rpc.stream.destroy(),
        () => {} // the other way has worked
      )
    }
    return opened
  }

  /** Through no relay, however long a punch takes. */
  async dialDirectly(publicKey: Buffer): Promise<Greeted> {
    const key = publicKey.toString('hex')
    const rpc =
      (await this.#throughOpenHole(publicKey, key)) ?? (await this.#throughNewHole(publicKey, key))
    return this.#options.greet(rpc, directWayOf)
  }

  async #throughNewHole(publicKey: Buffer, key: string): Promise<ProtomuxRPC> {
    try {
      return await this.#directly(publicKey, key)
    } catch (error) {
      if (!isOfRandomNats(error)) throw error
      return this.#punch(publicKey, key, error)
    }
  }

  /** Null when the peer does not run on this machine. */
  async dialNear(publicKey: Buffer): Promise<Greeted | null> {
    const local = await this.#dialLocal(publicKey)
    return local === null ? null : this.#options.greet(local, localWay)
  }

  /** Another peer of the same process is connected: its hole serves this one too. */
  async #throughOpenHole(publicKey: Buffer, key: string): Promise<ProtomuxRPC | null> {
    const { node } = this.#options
    const route = node.routeTo(key)
    if (route === null) return null
    const routes = node.dht._socketPool.routes._routes
    routes.set(key, { ...route, gc: () => {} })
    try {
      return await this.#connect(publicKey, { reusableSocket: true }, ROUTE_MS_MAX)
    } catch {
      return null // it has just closed; there are other ways
    } finally {
      routes.delete(key)
    }
  }

  /** Without a punch against random ports, which would take seconds. */
  async #directly(publicKey: Buffer, key: string): Promise<ProtomuxRPC> {
    const { node, dialMsMax } = this.#options
    const holepunch = (remote: number, local: number): boolean => {
      node.sawNats(key, remote, local)
      return remote < RANDOM && local < RANDOM
    }
    let { addresses: relayAddresses, isOld } = node.whereabouts.take(key)
    const afterMs = isOld ? OLD_ADDRESS_MS : HEDGE.afterMs
    return hedged({ ...HEDGE, afterMs, isFinal: isOfRandomNats }, (signal) => {
      const options = { holepunch, relayAddresses }
      relayAddresses = []
      return this.#connect(publicKey, options, dialMsMax, signal)
    })
  }

  /** Null when no relay is known, or none of them works. */
  async #throughRelays(publicKey: Buffer, tried: Set<Buffer>): Promise<ProtomuxRPC | null> {
    const { relays } = this.#options.node
    for (const relay of relays.ranked()) {
      if (tried.has(relay)) continue
      tried.add(relay)
      try {
        const rpc = await this.#throughRelay(publicKey, relay)
        relays.worked(relay)
        this.#relayed.add(rpc.stream)
        nudge(rpc.stream)
        return rpc
      } catch (error) {
        if (isPeerGone(error)) throw error
        relays.failed(relay)
      }
    }
    return null
  }

  /** On a line that loses packets the first try may be late, and the relay is not to blame. */
  #throughRelay(publicKey: Buffer, relay: Buffer): Promise<ProtomuxRPC> {
    const overAt = performance.now() + RELAY_MS_MAX
    return hedged({ ...RELAY_HEDGE, isFinal: isPeerGone }, (signal) => {
      const msLeft = overAt - performance.now()
      return this.#connect(publicKey, { relayThrough: relay }, msLeft, signal)
    })
  }

  /** One at a time; whoever waited may find the way open. */
  async #punch(publicKey: Buffer, key: string, why: unknown): Promise<ProtomuxRPC> {
    const { node, dialMsMax } = this.#options
    const isImpossible = node.isRandom && node.hasRandomNat(key)
    if (isImpossible || codeOf(why) === 'HOLEPUNCH_DOUBLE_RANDOMIZED_NATS') throw needsRelay(why)
    await node.punches.take({})
    try {
      const opened = await this.#throughOpenHole(publicKey, key)
      const holepunch = (remote: number, local: number) => {
        node.sawNats(key, remote, local)
        return true
      }
      return opened ?? (await this.#connect(publicKey, { holepunch }, dialMsMax))
    } finally {
      // Whoever waits shall know which peers the hole leads to.
      void within(MEETING_MS_MAX, once(node, 'met')).then(() => node.punches.give())
    }
  }

  async #connect(
    publicKey: Buffer,
    options: ConnectOptions,
    msMax: number,
    signal?: AbortSignal
  ): Promise<ProtomuxRPC> {
    const { node, rpc, keyPair } = this.#options
    // hyperdht keeps the address of a key for ever and tries it first. A peer that was restarted
    // has another one, and every dial would run into its deadline at the old one.
    node.dht._relayAddressesCache.delete(publicKey.toString('hex'))
    const client = rpc.connect(publicKey, { ...guarded, keyPair, ...options })
    signal?.addEventListener('abort', () => client.rpc.stream.destroy(), { once: true })
    await connected(client.rpc, msMax)
    if (signal?.aborted !== true) return client.rpc
    client.rpc.stream.destroy()
    throw new HaifError('CANCELLED', 'another try was faster')
  }

  async #dialLocal(publicKey: Buffer): Promise<ProtomuxRPC | null> {
    const { keyPair, localSockets } = this.#options
    return localSockets ? dialLocal(publicKey, keyPair) : null
  }
}

function needsRelay(cause: unknown): HaifError {
  return new HaifError(
    'NO_DIRECT_WAY',
    'both networks give random ports, so no direct way exists: run "haif relay" on a public machine',
    { cause }
  )
}
