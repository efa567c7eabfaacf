import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { KeptOrders } from '../../../services/worker/kept-orders.ts'
import { HeldModels } from '../../../services/worker/models/held-models.ts'
import { ModelLoader } from '../../../services/worker/models/model-loader.ts'
import { OrderedModels } from '../../../services/worker/models/ordered-models.ts'
import { labelsAfter, restoreOrders } from '../../../services/worker/restore-orders.ts'
import { temporaryHome } from '../../helpers/cli.ts'
import { simSource } from '../../helpers/mesh/mesh.ts'
import { until } from '../../helpers/until.ts'

const HUB = 'hf:me/mine:Q8_0'
const log = { warn: () => {} }

test('labels, a pause and ordered models last over a restart, in a file of their owner', (t) => {
  const file = join(temporaryHome(t), 'workers', 'key.json')
  const before = new KeptOrders(file, log)
  before.obeyed({ act: 'worker.pause' })
  before.obeyed({ act: 'worker.label', labels: { room: 'cellar', floor: '1' } })
  before.obeyed({ act: 'worker.label', labels: { floor: null } })
  const order = (action: 'load' | 'pin' | 'fetch' | 'delete' | 'unload', name: string) =>
    before.obeyed({ act: 'worker.model', model: { action, name, uri: HUB } })
  for (const name of ['loaded', 'gone', 'pinned', 'unloaded']) order('load', name)
  order('pin', 'pinned')
  order('delete', 'gone')
  order('unload', 'unloaded')
  before.choose('chat=hf:me/mine')
  const after = new KeptOrders(file, log)
  assert.deepEqual([after.paused, after.chosen], [true, 'chat=hf:me/mine'])
  assert.deepEqual(labelsAfter({ floor: '2', owner: 'me' }, after), { owner: 'me', room: 'cellar' })
  assert.deepEqual(
    after.models.map(({ name, is }) => `${name} ${is}`),
    ['loaded loaded', 'pinned pinned', 'unloaded held']
  )
  assert.equal(statSync(file).mode & 0o777, 0o600)
  after.obeyed({ act: 'worker.resume' })
  assert.equal(new KeptOrders(file, log).paused, false)
})

test('a damaged file is told of and forgotten; a disk that takes nothing does not stop the order', (t) => {
  const home = temporaryHome(t)
  const file = join(home, 'key.json')
  const warned: unknown[] = []
  const telling = { warn: (...said: unknown[]) => void warned.push(said) }
  for (const text of ['{', '{"paused":"yes"}']) {
    writeFileSync(file, text)
    assert.deepEqual(new KeptOrders(file, telling).models, [])
  }
  assert.equal(warned.length, 2)
  const nowhere = new KeptOrders(join(file, 'under-a-file', 'key.json'), telling)
  nowhere.obeyed({ act: 'worker.pause' })
  assert.equal(nowhere.paused, true)
  assert.equal(readFileSync(file, 'utf8'), '{"paused":"yes"}')
})

test('a worker that starts again has its models as they were ordered', async (t) => {
  const file = join(temporaryHome(t), 'key.json')
  const kept = new KeptOrders(file, log)
  const ordered = (action: 'load' | 'pin' | 'unload', name: string, uri?: string) =>
    kept.obeyed({
      act: 'worker.model',
      model: { action, name, ...(uri === undefined ? {} : { uri }) }
    })
  ordered('load', 'loaded', HUB)
  ordered('pin', 'pinned', HUB)
  ordered('unload', 'held', HUB)
  ordered('pin', 'of-the-owner')
  ordered('load', 'left')
  const models = new HeldModels({
    pinned: [],
    onDemand: [simSource({ name: 'of-the-owner' })],
    onChange: () => {}
  })
  const noBound = { ramBytes: Infinity, vramBytes: Infinity, strict: false }
  const loader = new ModelLoader({ models: models.all, budget: async () => noBound })
  t.after(() => loader.stop())
  const sourceOf = (_uri: string, name: string) => simSource({ name })
  const paused: boolean[] = []
  restoreOrders(new KeptOrders(file, log), {
    models: new OrderedModels({ models, loader, sourceOf }),
    pause: (isPaused) => paused.push(isPaused),
    log
  })
  await until(() => models.all.filter(({ state }) => state.kind === 'ready').length === 3)
  assert.deepEqual(
    models.all
      .map(({ name, state, onDemand }) => [name, state.kind, onDemand])
      .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    [
      ['held', 'loadable', true],
      ['loaded', 'ready', true],
      ['of-the-owner', 'ready', false],
      ['pinned', 'ready', false]
    ]
  )
  assert.deepEqual(paused, [])
})
