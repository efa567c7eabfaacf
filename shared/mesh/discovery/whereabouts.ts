/**
 * Where a peer may be reached, so that a dial need not ask the DHT first: the nodes that the peer
 * has named in its announcement, and the address at which it was met.
 *
 * Either may be old. So each is tried once, beside the question to the DHT, and only the next
 * lookup or meeting brings it back.
 */
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { Address } from './mesh-address.ts'

/** Keys under a topic may be anybody's; the oldest give way. */
const PEERS_MAX = 1024

export class Whereabouts {
  readonly #named = new BoundedMap<string, Address[]>(PEERS_MAX)

  /** `key` in hex, here and below. */
  named(key: string, nodes: Address[]): void {
    if (nodes.length > 0) this.#named.set(key, nodes)
  }

  /** Where to try first now; empty when nothing is known. */
  take(key: string): Address[] {
    const nodes = this.#named.get(key) ?? []
    this.#named.delete(key)
    return nodes
  }
}
