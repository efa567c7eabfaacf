/** A registry of this machine. */
import type { Place } from '#shared/main/place.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Store } from '#shared/store/store.ts'
import { MemoryCatalogue } from './peers/catalogue.ts'
import { createRegistry } from './registry.ts'

interface OpenRegistryOptions extends Place {
  /** Starts before. Null: the peers that were seen are forgotten when the process ends. */
  store: Store | null
}

export function openRegistry(options: OpenRegistryOptions): Service {
  const { topicKey, join } = options
  // Peers behind two random NATs need a relay, and a registry on a public host can be one.
  const extras = { relays: topicKey.reach === 'public' }
  const catalogue = new MemoryCatalogue()
  return createRegistry({ ...options, join: (router) => join(router, extras), catalogue })
}
