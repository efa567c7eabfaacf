/**
 * The beginning of a deployment: makes the mesh's secret once, runs three DHT nodes of our own
 * unless the public DHT is used, and writes the topic key where the other services read it.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Home } from '#shared/main/home.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { BootstrapNodes } from '#shared/mesh/discovery/bootstrap-nodes.ts'
import { decodeTopicKey, encodeTopicKey, type TopicKey } from '#shared/mesh/discovery/topic-key.ts'
import type { BootstrapConfig } from './config.ts'

export function createBootstrap(deps: {
  config: BootstrapConfig
  home: Home
  log: Logger
}): Service {
  const { config, home, log } = deps
  const { host, port } = config
  const topicKey = config.topicKey === '' ? ownKey(config, home) : decodeTopicKey(config.topicKey)
  const nodes = topicKey.reach === 'public' ? null : new BootstrapNodes({ host, port })
  return {
    async start() {
      await nodes?.start()
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

function ownKey({ reach, host, port }: BootstrapConfig, home: Home): TopicKey {
  const secret = home.meshSecret()
  return reach === 'public'
    ? { secret, reach: 'public', bootstrap: [] }
    : { secret, reach: 'lan', bootstrap: [{ host, port }] }
}

/** A reader sees the old file or the new one, never half of it. */
function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.draft`
  writeFileSync(draft, `${text}\n`, { mode: 0o600 })
  renameSync(draft, path)
}
