/** Asks the DHT who announces a topic. */
import type DHT from 'hyperdht'

/**
 * A lookup ends when every node has answered or was given up, 6 s later. So each key is told as soon
 * as one node names it, and the rest is not waited for longer than this.
 */
const LOOKUP_MS_MAX = 5000

/** Resolves to whether the DHT has answered at all: if not, nobody found does not mean nobody there. */
export async function lookup(
  dht: DHT,
  topic: Buffer,
  onKey: (publicKey: Buffer) => void
): Promise<boolean> {
  const query = dht.lookup(topic)
  const timer = setTimeout(() => query.destroy(), LOOKUP_MS_MAX)
  try {
    for await (const { peers } of query) {
      for (const { publicKey } of peers) onKey(publicKey)
    }
  } catch {
    // Broken off; what was named until then counts.
  } finally {
    clearTimeout(timer)
  }
  return query.successes > 0
}
