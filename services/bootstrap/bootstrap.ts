/**
 * The beginning of a deployment: makes the mesh's secret once, runs three DHT nodes of our own
 * unless the public DHT is used, and writes the topic key where the other services read it.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { HaifError } from '#shared/errors.ts'
import type { Home } from '#shared/main/home.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { BootstrapNodes } from '#shared/mesh/discovery/bootstrap-nodes.ts'
import { ownAddress } from '#shared/mesh/diagnosis/own-address.ts'
import { resolveNodes } from '#shared/mesh/discovery/node-address.ts'
import {
  decodeTopicKey,
  encodeTopicKey,
  type Address,
  type TopicKey
} from '#shared/mesh/discovery/topic-key.ts'
import type { BootstrapConfig } from './config.ts'

export function createBootstrap(deps: {
  config: BootstrapConfig
  home: Home
  log: Logger
}): Service {
  const { config, home, log } = deps
  let nodes: BootstrapNodes | null = null
  return {
    async start() {
      const given = config.topicKey === '' ? null : decodeTopicKey(config.topicKey)
      const others = await resolveNodes(config.nodes)
      const place = runsNodes(config, given) ? { ...(await placeOf(config)), others } : null
      const bootstrap = place === null ? others : [hostAndPort(place), ...others]
      const reach = config.reach === 'private' ? 'lan' : 'public'
      const topicKey = given ?? { secret: home.meshSecret(), reach, bootstrap }
      if (place !== null) {
        nodes = new BootstrapNodes(place)
        await nodes.start()
      }
      const text = encodeTopicKey(topicKey)
      home.rememberTopicKey(text)
      if (config.keyFile !== '') writeWhole(config.keyFile, text)
      log.info(
        { reach: topicKey.reach, topicKey: text },
        'bootstrap is up; a machine joins with: npx haif join <topicKey>'
      )
    },
    async stop() {
      await nodes?.stop()
    }
  }
}

/** A mesh that exists has its nodes elsewhere, unless they are those of this network. */
function runsNodes({ reach }: BootstrapConfig, given: TopicKey | null): boolean {
  return reach === 'own' || (reach === 'private' && given?.reach !== 'public')
}

const hostAndPort = ({ host, port }: Address): Address => ({ host, port })

/** The address of this machine's first DHT node. */
async function placeOf({ host, port }: BootstrapConfig): Promise<Address> {
  const address = host === '' ? await ownAddress('IPv4') : host
  if (address !== null) return { host: address, port }
  throw new HaifError(
    'CONFIG_INVALID',
    'this machine has no IPv4 address that others could reach: set HAIF_BOOTSTRAP_HOST'
  )
}

/** A reader sees the old file or the new one, never half of it. */
function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.draft`
  writeFileSync(draft, `${text}\n`, { mode: 0o600 })
  renameSync(draft, path)
}
