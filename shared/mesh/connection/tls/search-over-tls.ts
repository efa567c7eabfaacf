/** Asks the DHT who announces a topic, and the relays over TLS where no UDP comes back. */
import { setTimeout as sleep } from 'node:timers/promises'
import { lookup } from '../../discovery/lookup.ts'
import type { MeshNode } from '../../node.ts'

/** The DHT answers sooner, or not at all. Where it never has, the relays are asked soon. */
const PATIENCE_MS = 700
const FIRST_PATIENCE_MS = 200

/** Resolves to false when nobody has answered: then no key does not mean no peer. */
export async function searchAlsoOverTls(
  node: MeshNode,
  topic: Buffer,
  onKey: (publicKey: Buffer) => void
): Promise<boolean> {
  const { dht, tlsRelays: relays } = node
  const overUdp = lookup(dht, topic, (key, nodes) => {
    node.whereabouts.named(key.toString('hex'), nodes)
    onKey(key)
  })
  if (relays.isEmpty) return overUdp
  const before = dht.stats.requests.responses
  const patienceMs = relays.isNeeded ? 0 : before === 0 ? FIRST_PATIENCE_MS : PATIENCE_MS
  const soon = await Promise.race([overUdp, sleep(patienceMs, null)])
  relays.isNeeded = false
  if (soon === true) return true
  if (soon === null && dht.stats.requests.responses > before) return overUdp
  const keys = await relays.find(topic)
  if (keys === null) return overUdp
  relays.isNeeded = true
  for (const key of keys) onKey(key)
  return true
}
