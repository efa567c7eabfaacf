/**
 * Opens connections to peers by the shortest way there is: over a socket of this machine, from
 * address to address, or through a relay.
 */
import type RPC from '@hyperswarm/rpc'
import type DHT from 'hyperdht'
import type { KeyPair } from 'hyperdht'
import type ProtomuxRPC from 'protomux-rpc'
import type { LinkPath, PeerLink } from '#shared/rpc/peer-link.ts'
import { guarded } from './guarded-stream.ts'
import { connected } from './handshake.ts'
import { dialLocal } from './local-socket.ts'
import { needsRelay } from './relay-choice.ts'

interface DiallerOptions {
  dht: DHT
  rpc: RPC
  keyPair: KeyPair
  localSockets: boolean
  /** Time that a dial may take until bytes flow. */
  dialMsMax: number
  /** Public keys of relays, for a peer that cannot be reached directly. */
  findRelays: () => Promise<Buffer[]>
  /** Says hello on the connection that is open, as a member or as a guest. */
  greet: (rpc: ProtomuxRPC, path: LinkPath) => Promise<PeerLink>
}

export class Dialler {
  readonly #options: DiallerOptions

  constructor(options: DiallerOptions) {
    this.#options = options
  }

  async dial(publicKey: Buffer): Promise<PeerLink> {
    const local = await this.#dialLocal(publicKey)
    if (local !== null) return this.#options.greet(local, 'local')
    try {
      return await this.#dialRemote(publicKey, null)
    } catch (error) {
      const relays = needsRelay(error) ? await this.#options.findRelays() : []
      if (relays.length === 0) throw error
      return this.#dialRemote(publicKey, relays)
    }
  }

  /** Null when the peer does not run on this machine. */
  async dialNear(publicKey: Buffer): Promise<PeerLink | null> {
    const local = await this.#dialLocal(publicKey)
    return local === null ? null : this.#options.greet(local, 'local')
  }

  async #dialRemote(publicKey: Buffer, relayThrough: Buffer[] | null): Promise<PeerLink> {
    const { dht, rpc, keyPair, dialMsMax, greet } = this.#options
    // hyperdht keeps the address of a key for ever and tries it first. A peer that was restarted
    // has another one, and every dial would run into its deadline at the old one.
    // oxlint-disable-next-line eslint/no-underscore-dangle
    dht._relayAddressesCache.delete(publicKey.toString('hex'))
    const client = rpc.connect(publicKey, { ...guarded, keyPair, relayThrough })
    await connected(client.rpc, dialMsMax)
    // A peer that restarts has its socket before it can be found on the DHT.
    const local = await this.#dialLocal(publicKey)
    if (local !== null) {
      client.rpc.stream.destroy()
      return greet(local, 'local')
    }
    return greet(client.rpc, relayThrough === null ? 'direct' : 'relayed')
  }

  async #dialLocal(publicKey: Buffer): Promise<ProtomuxRPC | null> {
    const { keyPair, localSockets } = this.#options
    return localSockets ? dialLocal(publicKey, keyPair) : null
  }
}
