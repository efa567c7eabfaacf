import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Home } from '#shared/main/home.ts'
import { decodeTopicKey } from '#shared/mesh/discovery/topic-key.ts'
import { silentLogger } from '#shared/process/log.ts'
import { createBootstrap } from '../../../services/bootstrap/bootstrap.ts'
import { readBootstrapConfig } from '../../../services/bootstrap/config.ts'
import { temporaryHome } from '../../helpers/cli.ts'
import { atEnd, startPeer, linkBetween } from '../../helpers/peers/peers.ts'
import { freePort } from '../../helpers/stores/postgres.ts'

/** Starts it on a home; returns the topic key that it has written for the others. */
async function bootstrapped(t: TestContext, folder: string, env: Record<string, string>) {
  const keyFile = join(folder, 'shared', 'topic.key')
  const home = new Home({ HAIF_HOME: folder })
  const config = readBootstrapConfig({ HAIF_TOPIC_KEY_FILE: keyFile, ...env })
  const service = createBootstrap({ config, home, log: silentLogger() })
  atEnd(t, () => service.stop())
  await service.start()
  assert.equal(statSync(keyFile).mode & 0o777, 0o600)
  return { text: readFileSync(keyFile, 'utf8').trim(), service }
}

test('peers that read its topic key find each other, and a restart keeps the key', async (t) => {
  const folder = temporaryHome(t)
  const port = String(await freePort())
  const env = { HAIF_BOOTSTRAP_HOST: '127.0.0.1', HAIF_BOOTSTRAP_PORT: port }
  const { text, service } = await bootstrapped(t, folder, env)
  const topicKey = decodeTopicKey(text)
  assert.deepEqual(topicKey.bootstrap, [{ host: '127.0.0.1', port: Number(port) }])
  const registry = await startPeer(t, topicKey, { role: 'registry' })
  const gateway = await startPeer(t, topicKey, { role: 'gateway' })
  gateway.follow('registry')
  await linkBetween(gateway, registry)
  await Promise.all([registry.stop(), gateway.stop()])
  await service.stop()
  assert.equal((await bootstrapped(t, folder, env)).text, text)
})

test('through the public DHT it runs no node, and a mesh that exists keeps its key', async (t) => {
  const folder = temporaryHome(t)
  const own = await bootstrapped(t, folder, { HAIF_BOOTSTRAP: 'public' })
  assert.equal(decodeTopicKey(own.text).reach, 'public')
  assert.deepEqual(decodeTopicKey(own.text).bootstrap, [])
  const given = { HAIF_BOOTSTRAP: 'public', HAIF_TOPIC_KEY: own.text }
  assert.equal((await bootstrapped(t, temporaryHome(t), given)).text, own.text)
})

test('nodes on several hosts are one DHT, and its key names them all', async (t) => {
  const ports = [String(await freePort()), String(await freePort())]
  const nodes = ports.map((port) => ({ host: '127.0.0.1', port: Number(port) }))
  const start = (own: number) =>
    bootstrapped(t, temporaryHome(t), {
      HAIF_BOOTSTRAP: 'own',
      HAIF_BOOTSTRAP_HOST: '127.0.0.1',
      HAIF_BOOTSTRAP_PORT: ports[own]!,
      HAIF_BOOTSTRAP_NODES: `127.0.0.1:${ports[1 - own]}`
    })
  const [{ text }] = [await start(0), await start(1)]
  const { reach, bootstrap, secret } = decodeTopicKey(text)
  assert.equal(reach, 'public')
  assert.deepEqual(bootstrap, nodes)
  const known = (own: number) => ({ secret, reach: 'local' as const, bootstrap: [nodes[own]!] })
  const registry = await startPeer(t, known(0), { role: 'registry' })
  const gateway = await startPeer(t, known(1), { role: 'gateway' })
  gateway.follow('registry')
  await linkBetween(gateway, registry)
})

test('compose can name nodes in place of those of the public DHT', async (t) => {
  const env = { HAIF_BOOTSTRAP: 'public', HAIF_BOOTSTRAP_NODES: '127.0.0.1:4001, 127.0.0.1' }
  const { text } = await bootstrapped(t, temporaryHome(t), env)
  assert.deepEqual(
    decodeTopicKey(text).bootstrap.map(({ port }) => port),
    [4001, 49_737]
  )
})
