/** Settings of the bootstrap service. */
import { networkInterfaces } from 'node:os'
import { readChoice, readInteger, readString, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'

export interface BootstrapConfig {
  /** `HAIF_BOOTSTRAP`: DHT nodes of our own, for one network; or the public DHT, for any. */
  reach: 'private' | 'public'
  /** `HAIF_BOOTSTRAP_HOST`: the IPv4 address under which the others reach this machine. */
  host: string
  /** `HAIF_BOOTSTRAP_PORT`: the port of the first node; the others take the next two. */
  port: number
  /** `HAIF_TOPIC_KEY_FILE`: where the other services read the topic key; empty: nowhere. */
  keyFile: string
  /** `HAIF_TOPIC_KEY`: a mesh that exists; empty: one of our own. */
  topicKey: string
}

/** The port of hyperdht's own nodes. */
const PORT = 49_737

export function readBootstrapConfig(env: Environment): BootstrapConfig {
  return {
    reach: readChoice(env, 'HAIF_BOOTSTRAP', ['private', 'public'] as const, 'private'),
    host: readString(env, 'HAIF_BOOTSTRAP_HOST', '') || ownAddress(),
    port: readInteger(env, 'HAIF_BOOTSTRAP_PORT', { default: PORT, min: 1, max: 65_533 }),
    keyFile: readString(env, 'HAIF_TOPIC_KEY_FILE', ''),
    topicKey: readString(env, 'HAIF_TOPIC_KEY', '')
  }
}

function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const address = all.find(({ family, internal }) => family === 'IPv4' && !internal)
  if (address !== undefined) return address.address
  throw new HaifError(
    'CONFIG_INVALID',
    'this machine has no IPv4 address that others could reach: set HAIF_BOOTSTRAP_HOST'
  )
}
