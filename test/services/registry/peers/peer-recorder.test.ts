/** What a registry has seen survives in a real Postgres, also when it was away for a while. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerReport } from '#shared/contracts/peers/peers.ts'
import { silentLogger } from '#shared/process/log.ts'
import type { Store } from '#shared/store/store.ts'
import { PeerRecorder } from '../../../../services/registry/peers/peer-recorder.ts'
import { recordingLogger } from '../../../helpers/peers/peer-log.ts'
import { atEnd } from '../../../helpers/peers/peers.ts'
import { testPostgres } from '../../../helpers/stores/postgres.ts'
import { startPostgresStore } from '../../../helpers/stores/stores.ts'
import { until } from '../../../helpers/until.ts'
import { workerModel } from '../worker-model.ts'

const gateway = (version: string): PeerReport => ({ host: 'box', version })
const worker = (model: string): PeerReport => ({
  host: 'box',
  version: '1',
  hardware: { cpus: 8, memoryBytes: 1024, platform: 'linux-x64' },
  worker: {
    models: [
      workerModel(model, 'ready', { digest: 'd'.repeat(64), contextTokens: 512 }),
      workerModel('unknown', 'loadable')
    ],
    labels: { room: 'lab' },
    draining: false
  }
})

test('peers, their machines and their models are written, and the last report of a peer counts', async (t) => {
  const { store } = await startPostgresStore(t)
  const recorder = new PeerRecorder({ store, log: silentLogger(), now: () => 1_000_000 })
  await recorder.start()
  recorder.record('g', 'gateway', gateway('1'))
  recorder.record('g', 'gateway', gateway('2'))
  recorder.record('w', 'worker', worker('m'))
  await recorder.stop() // with what came last

  const peers = await store.query('select key, role, host, version, labels from peers order by key')
  assert.deepEqual(peers, [
    { key: 'g', role: 'gateway', host: 'box', version: '2', labels: {} },
    { key: 'w', role: 'worker', host: 'box', version: '1', labels: { room: 'lab' } }
  ])
  // A report that says nothing of its machine takes nothing away from what is known of it.
  assert.deepEqual(await store.query('select host, cpus, hardware from machines'), [
    { host: 'box', cpus: 8, hardware: { platform: 'linux-x64' } }
  ])
  // What no worker has opened has no digest yet, and no row.
  assert.deepEqual(await store.query('select name, peer_key from model_holdings'), [
    { name: 'm', peer_key: 'w' }
  ])
  assert.deepEqual(await recorder.firstSeen(), new Map([['m', 1_000_000]]))
})

test('while the database is away reports wait, it is logged once, and then they are written', async (t) => {
  const { store } = await startPostgresStore(t)
  const { log, lines } = recordingLogger('info')
  const recorder = new PeerRecorder({ store, log })
  await recorder.start()
  atEnd(t, () => recorder.stop())
  const server = await testPostgres()
  await server.stop()
  recorder.record('g', 'gateway', gateway('1'))
  await until(() => lines.length > 0)
  recorder.record('g', 'gateway', gateway('2'))
  recorder.record('w', 'worker', worker('m'))
  await server.start()
  await until(() => lines.length > 1)
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['peers cannot be stored now', 'peers are stored again']
  )
  const versions = () => store.query('select key, version from peers order by key')
  assert.deepEqual(await versions(), [
    { key: 'g', version: '2' },
    { key: 'w', version: '1' }
  ])
})

test('a stop tries to write what came last, but not again while the database is away', async (t) => {
  const { log, lines } = recordingLogger('info')
  const { store } = await startPostgresStore(t)
  let tries = 0
  const transaction: Store['transaction'] = (work) => {
    tries++
    return store.transaction(work)
  }
  const counted: Store = Object.create(store, { transaction: { value: transaction } }) as Store
  const recorder = new PeerRecorder({ store: counted, log })
  await recorder.start()
  const server = await testPostgres()
  await server.stop()
  recorder.record('g', 'gateway', gateway('1'))
  try {
    await recorder.stop()
    await recorder.stop()
  } finally {
    await server.start()
  }
  assert.equal(tries, 1)
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['peers cannot be stored now']
  )
})

test('F10: a report that the database refuses keeps no other peer from being stored', async (t) => {
  const { store } = await startPostgresStore(t)
  const { log, lines } = recordingLogger('info')
  const recorder = new PeerRecorder({ store, log })
  await recorder.start()
  recorder.record('bad', 'worker', { host: 'a\u0000b', version: '1' }) // the contract refuses it
  recorder.record('good', 'gateway', gateway('1'))
  await recorder.stop()
  assert.deepEqual(await store.query('select key from peers'), [{ key: 'good' }])
  assert.ok(lines.some((line) => JSON.stringify(line).includes('refuses what a peer reports')))
})
