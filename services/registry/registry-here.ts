/** A registry of this machine. */
import type { Place } from '#shared/main/place.ts'
import { INVITE_KEYS_MAX } from '#shared/mesh/membership/invite.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Store } from '#shared/store/store.ts'
import { MembershipDesk } from './membership/membership-desk.ts'
import { MemoryCatalogue } from './peers/catalogue.ts'
import { createRegistry } from './registry.ts'

interface OpenRegistryOptions extends Place {
  /** Starts before. Null: the peers that were seen are forgotten when the process ends. */
  store: Store | null
}

/** Where machines are let in. Null: this registry cannot sign, or keeps nothing. */
export interface Registry extends Service {
  desk: MembershipDesk | null
}

export function openRegistry(options: OpenRegistryOptions): Registry {
  const { address, keyPair, membership, store, log } = options
  let mesh: Mesh | null = null
  // Peers behind two random NATs need a relay, and a registry on a public host can be one.
  const relays = address.reach === 'public'
  const desk =
    store === null || membership.authority === null
      ? null
      : new MembershipDesk({
          store,
          membership,
          entrance: () => ({
            ...address,
            meshKey: address.mesh,
            issuers: [keyPair.publicKey],
            relays: (mesh?.relayKeys ?? []).slice(0, INVITE_KEYS_MAX),
            tlsRelays: (mesh?.tlsRelays ?? []).slice(0, INVITE_KEYS_MAX)
          }),
          isConnected: (key) => mesh?.link(key) !== undefined,
          log
        })
  const inviting = desk === null ? {} : { guests: desk.guests(), renews: desk.renews() }
  const registry = createRegistry({
    ...options,
    join: (router) => (mesh = options.join(router, { relays, ...inviting })),
    catalogue: new MemoryCatalogue(),
    desk
  })
  return { ...registry, desk }
}
