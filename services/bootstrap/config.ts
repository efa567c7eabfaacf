/** Settings of the bootstrap service. */
import { readChoice, readInteger, readString, type Environment } from '#shared/process/config.ts'
import { DHT_PORT } from '#shared/mesh/discovery/node-address.ts'

export interface BootstrapConfig {
  /**
   * `HAIF_BOOTSTRAP`: DHT nodes of our own, `private` for one network or `own` for the internet; or
   * the public DHT.
   */
  reach: 'private' | 'own' | 'public'
  /**
   * `HAIF_BOOTSTRAP_HOST`: the IPv4 address under which the others reach this machine; empty: that
   * of the default route.
   */
  host: string
  /** `HAIF_BOOTSTRAP_NODES`: DHT nodes on other hosts, `host[:port]` with commas between. */
  nodes: string[]
  /** `HAIF_BOOTSTRAP_PORT`: the port of the first node; the others take the next two. */
  port: number
}

export function readBootstrapConfig(env: Environment): BootstrapConfig {
  return {
    reach: readChoice(env, 'HAIF_BOOTSTRAP', ['private', 'own', 'public'] as const, 'private'),
    host: readString(env, 'HAIF_BOOTSTRAP_HOST', ''),
    nodes: listed(readString(env, 'HAIF_BOOTSTRAP_NODES', '')),
    port: readInteger(env, 'HAIF_BOOTSTRAP_PORT', { default: DHT_PORT, min: 1, max: 65_533 })
  }
}

const listed = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
