/**
 * Where a peer may be reached, so that a dial need not ask the DHT first: the nodes that the peer
 * has named in its announcement, and the address where it was met before this start.
 *
 * Either may be old. So each is tried once, and only the next lookup brings nodes back.
 */
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { Address } from './mesh-address.ts'

/** Keys under a topic may be anybody's; the oldest give way. */
const PEERS_MAX = 1024

export class Whereabouts {
  readonly #named = new BoundedMap<string, Place>(PEERS_MAX)

  /** `key` in hex, here and below. */
  named(key: string, nodes: Address[]): void {
    if (nodes.length > 0) this.#named.set(key, { addresses: nodes, isOld: false })
  }

  /** In an earlier run it was reached at that address. */
  remembered(key: string, address: Address | null): void {
    if (address !== null) this.#named.set(key, { addresses: [address], isOld: true })
  }

  /** Where to try first now; empty when nothing is known. */
  take(key: string): Place {
    const place = this.#named.get(key) ?? NOWHERE
    this.#named.delete(key)
    return place
  }
}

interface Place {
  addresses: Address[]
  /** Perhaps nobody is there any more, so that the next try must not wait for it. */
  isOld: boolean
}

const NOWHERE: Place = { addresses: [], isOld: false }
