/** A DHT node that fits the reach of the mesh. */
import DHT from 'hyperdht'
import { KEEP_ALIVE_MS } from './liveness.ts'
import type { Reach, TopicKey } from './topic-key.ts'

/**
 * On one machine and on a local network nothing is behind a NAT: without `firewalled: false` the
 * node would keep guessing that it is, and some connections would open and carry nothing.
 */
export function createDht({ reach, bootstrap }: Pick<TopicKey, 'reach' | 'bootstrap'>): DHT {
  const connectionKeepAlive = KEEP_ALIVE_MS
  switch (reach) {
    case 'local':
      return new DHT({
        bootstrap,
        host: '127.0.0.1',
        port: 0,
        firewalled: false,
        connectionKeepAlive
      })
    case 'lan':
      return new DHT({ bootstrap, port: 0, firewalled: false, connectionKeepAlive })
    case 'public':
      return new DHT({ ...(bootstrap.length > 0 ? { bootstrap } : {}), connectionKeepAlive })
  }
}

/** Time between two lookups: short where they cost 0.3 ms, longer where they cross the internet. */
export const LOOKUP_MS: Record<Reach, number> = { local: 1000, lan: 1500, public: 10_000 }
