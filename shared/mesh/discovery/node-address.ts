/** Addresses of DHT nodes as people write them: `host[:port]`, a name or an IPv4 address. */
import { lookup } from 'node:dns/promises'
import { HaifError } from '#shared/errors.ts'
import type { Address } from './mesh-address.ts'

/** The port of hyperdht's own nodes. */
export const DHT_PORT = 49_737
/** As many as an invite has room for. */
const NODES_MAX = 8

/** Resolves names once, because an invite carries addresses. Rejects with the one that is wrong. */
export async function resolveNodes(texts: readonly string[]): Promise<Address[]> {
  if (texts.length > NODES_MAX) throw invalid(texts.join(' '), `at most ${NODES_MAX} nodes`)
  return Promise.all(texts.map(resolveNode))
}

async function resolveNode(text: string): Promise<Address> {
  const [, name, portText] = /^([A-Za-z0-9.-]{1,253})(?::(\d{1,5}))?$/.exec(text) ?? []
  const port = portText === undefined ? DHT_PORT : Number(portText)
  if (name === undefined || port < 1 || port > 65_535) {
    throw invalid(text, 'it must be host[:port], as dht.example.org:49737')
  }
  try {
    const { address } = await lookup(name, { family: 4 })
    return { host: address, port }
  } catch (error) {
    throw invalid(text, 'its name has no IPv4 address', error)
  }
}

function invalid(text: string, why: string, cause?: unknown): HaifError {
  const message = `the DHT node ${text} cannot be used: ${why}`
  return new HaifError('CONFIG_INVALID', message, { cause })
}
