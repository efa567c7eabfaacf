import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  registryList,
  registryShared,
  report,
  type PeerReport
} from '#shared/contracts/peers/peers.ts'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { Mesh } from '#shared/mesh/mesh.ts'
import { silentLogger } from '#shared/process/log.ts'
import { MemoryCatalogue } from '../../../services/registry/peers/catalogue.ts'
import { createRegistry } from '../../../services/registry/registry.ts'
import { atEnd, contextFor, linkBetween, startDht, startPeer } from '../../helpers/peers/peers.ts'
import { until } from '../../helpers/until.ts'
import { workerModel } from './worker-model.ts'
import { memberOf } from '../../helpers/peers/member.ts'

const self: PeerReport = { host: 'registry-host', version: '1' }
const WORKER: PeerReport = {
  host: 'box',
  version: '2',
  worker: { models: [workerModel('m', 'ready')], draining: false }
}

test('a peer is listed with its report while it is connected, and its models with it', async (t) => {
  const topicKey = await startDht(t)
  const meshes: Mesh[] = []
  const registry = createRegistry({
    join: (router) => {
      const mesh = new Mesh({
        dht: createDht(topicKey),
        ...memberOf(topicKey, 'registry'),
        router,
        lookupMs: 200,
        log: silentLogger()
      })
      meshes.push(mesh)
      return mesh
    },
    catalogue: new MemoryCatalogue(),
    self,
    log: silentLogger()
  })
  atEnd(t, () => registry.stop())
  await registry.start()
  const [own] = meshes
  const [asking, worker] = await Promise.all([
    startPeer(t, topicKey, { role: 'gateway' }),
    startPeer(t, topicKey, { role: 'worker' })
  ])
  for (const mesh of [asking, worker]) mesh.follow('registry')
  const context = contextFor(t)
  const list = async () => (await linkBetween(asking, own!)).call(registryList, {}, context)
  await (await linkBetween(worker, own!)).call(report, WORKER, context)

  const { peers, models } = await list()
  assert.deepEqual(
    peers.map(({ key, role, host }) => [key, role, host]),
    [
      [asking.key, 'gateway', ''], // it has not reported yet
      [own!.key, 'registry', 'registry-host'],
      [worker.key, 'worker', 'box']
    ]
  )
  assert.deepEqual(
    models.map(({ name, workers }) => [name, workers]),
    [['m', [worker.key]]]
  )
  const shared = await (await linkBetween(worker, own!)).call(registryShared, {}, context)
  assert.deepEqual(shared.models, [{ name: 'm', workers: 1 }])
  await worker.stop()
  await until(async () => (await list()).models.length === 0)
  assert.equal((await list()).peers.length, 2)
})
