/** A DHT node that fits the reach of the mesh. */
import DHT from 'hyperdht'
import { NEAR_KEEP_ALIVE_MS } from '../connection/liveness.ts'
import { punchFaster, RANDOM_PUNCH_INTERVAL_MS } from '../connection/random-punch.ts'
import type { MeshAddress, Reach } from './mesh-address.ts'

/** A port that the system chooses. To hyperdht 0 is its own 49737, which others are looking for. */
export const ANY_PORT: [number, number] = [0, 0]

/**
 * On one machine and on a local network nothing is behind a NAT: without `firewalled: false` the
 * node would keep guessing that it is, and some connections would open and carry nothing.
 */
export function createDht({ reach, bootstrap }: Pick<MeshAddress, 'reach' | 'bootstrap'>): DHT {
  // Until the hello, which sets the pace.
  const connectionKeepAlive = NEAR_KEEP_ALIVE_MS
  switch (reach) {
    case 'local':
      return new DHT({
        bootstrap,
        host: '127.0.0.1',
        port: ANY_PORT,
        firewalled: false,
        connectionKeepAlive
      })
    case 'lan':
      return new DHT({ bootstrap, port: ANY_PORT, firewalled: false, connectionKeepAlive })
    case 'public':
      punchFaster()
      return new DHT({
        ...(bootstrap.length > 0 ? { bootstrap } : {}),
        connectionKeepAlive,
        randomPunchInterval: RANDOM_PUNCH_INTERVAL_MS,
        adaptiveTimeout: REQUEST_TIMEOUT
      })
  }
}

/** A lost packet is sent again when the answer is late, and not after a second. */
const REQUEST_TIMEOUT = { min: 250, max: 2000, jitter: 50, fallback: [250, 500, 1000, 2000] }

/** Time between two lookups: short where they cost 0.3 ms, longer where they cross the internet. */
export const LOOKUP_MS: Record<Reach, number> = { local: 1000, lan: 1500, public: 10_000 }

/** Up to this it grows while nothing happens: a lookup asks some twenty nodes. */
export const LOOKUP_MS_MAX: Record<Reach, number> = { local: 1000, lan: 1500, public: 300_000 }

/**
 * Time between two announcements; a DHT that was restarted knows nobody until the next one. Nodes
 * of the public DHT forget a record after 20 minutes.
 */
export const ANNOUNCE_MS: Record<Reach, number> = { local: 5000, lan: 5000, public: 480_000 }

/**
 * Time that a dial may take until bytes flow: on the internet it asks the DHT and punches holes.
 */
export const DIAL_MS_MAX: Record<Reach, number> = { local: 3000, lan: 3000, public: 10_000 }
