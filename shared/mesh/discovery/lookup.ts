/** Asks the DHT who announces a topic. */
import type DHT from 'hyperdht'
import type { Address } from './mesh-address.ts'

/**
 * A lookup ends when every node has answered or was given up, 6 s later. So each key is passed on
 * as soon as one node names it, and the rest is not waited for longer than this.
 */
const LOOKUP_MS_MAX = 5000

/**
 * Called with a key that is announced, and with the DHT nodes that the peer says lead to it.
 */
type OnKey = (publicKey: Buffer, nodes: Address[]) => void

/** Resolves to false when the DHT has not answered at all: then no key does not mean no peer. */
export async function lookup(dht: DHT, topic: Buffer, onKey: OnKey): Promise<boolean> {
  const query = dht.lookup(topic)
  const timer = setTimeout(() => query.destroy(), LOOKUP_MS_MAX)
  try {
    for await (const { peers } of query) {
      for (const { publicKey, relayAddresses } of peers) onKey(publicKey, relayAddresses)
    }
  } catch {
    // The lookup was broken off; the keys that were named until then count.
  } finally {
    clearTimeout(timer)
  }
  return query.successes > 0
}
