/** H16: what operators have a worker do with its models. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Order } from '#shared/contracts/peers/order.ts'
import { HeldModels } from '../../../../services/worker/models/held-models.ts'
import { ModelLoader } from '../../../../services/worker/models/model-loader.ts'
import { OrderedModels } from '../../../../services/worker/models/ordered-models.ts'
import type { ModelSource } from '../../../../services/worker/models/sources/model-source.ts'
import { simSource } from '../../../helpers/mesh/mesh.ts'
import { until } from '../../../helpers/until.ts'

type Action = NonNullable<Order['model']>['action']

/** `p` is pinned and `d` on demand; the URI `new` can be fetched and removed, others are none. */
async function setUp() {
  const done: string[] = []
  const models = new HeldModels({
    pinned: [simSource({ name: 'p' })],
    onDemand: [simSource({ name: 'd' })],
    onChange: () => {}
  })
  const budget = async () => ({ ramBytes: Infinity, vramBytes: Infinity, strict: false })
  const loader = new ModelLoader({ models: models.all, budget })
  const sourceOf = (uri: string, name: string): ModelSource => {
    if (uri !== 'new') throw new Error('no model')
    const fetch = async () => void done.push('fetched')
    const remove = async () => void done.push('removed')
    return { ...simSource({ name }), fetch, remove }
  }
  await loader.loadPinned()
  const ordered = new OrderedModels({ models, loader, sourceOf })
  const tell = (action: Action, name: string, uri?: string) =>
    ordered.obey({ action, name, ...(uri === undefined ? {} : { uri }) })
  const becomes = (name: string, kind: string) =>
    until(() => models.named(name)?.state.kind === kind)
  return { models, loader, tell, becomes, done }
}

test('a model on demand is loaded and unloaded as told', async () => {
  const { tell, becomes, loader } = await setUp()
  assert.deepEqual(await tell('load', 'd'), { model: 'd', state: 'loading' })
  await becomes('d', 'ready')
  assert.equal((await tell('unload', 'd')).state, 'loadable')
  await loader.stop()
})

test('H17: who orders a load wants the file as it is now', async () => {
  const { models, tell, loader } = await setUp()
  const model = models.named('d')!
  await tell('load', 'd')
  await until(() => model.state.kind === 'ready')
  assert.throws(() => model.assertSame('another'), { code: 'MODEL_LOAD_FAILED' })
  await tell('unload', 'd')
  await tell('load', 'd')
  assert.doesNotThrow(() => model.assertSame('another'))
  await loader.stop()
})

test('a pinned model that is unloaded is one on demand, and may be pinned again', async () => {
  const { models, tell, becomes, loader } = await setUp()
  await tell('unload', 'p')
  const [p] = models.describe()
  assert.deepEqual([p!.state, p!.onDemand], ['loadable', true])
  await tell('pin', 'p')
  await becomes('p', 'ready')
  assert.equal(models.describe()[0]!.onDemand, false)
  await loader.stop()
})

test('what answers requests is neither unloaded nor deleted, and stays as it was', async () => {
  const { models, tell, loader } = await setUp()
  const leave = models.named('p')!.enter('peer')
  for (const action of ['unload', 'delete'] as const) {
    await assert.rejects(tell(action, 'p'), { code: 'CONFLICT', message: /p answers requests/ })
  }
  const [p] = models.describe()
  assert.deepEqual([p!.state, p!.onDemand], ['ready', false])
  leave()
  await tell('delete', 'p')
  assert.equal(models.named('p'), undefined)
  await loader.stop()
})

test('a model that is not held yet is fetched, loaded and removed with its files', async () => {
  const { models, tell, becomes, done, loader } = await setUp()
  await tell('fetch', 'n', 'new')
  await becomes('n', 'loadable')
  await tell('load', 'n')
  await becomes('n', 'ready')
  await tell('delete', 'n')
  assert.deepEqual(done, ['fetched', 'removed'])
  assert.equal(models.named('n'), undefined)
  await loader.stop()
})

test('orders for models that nobody knows are refused with the reason', async () => {
  const { tell, loader } = await setUp()
  await assert.rejects(tell('load', 'x'), { code: 'MODEL_NOT_FOUND' })
  await assert.rejects(tell('load', 'x', 'rubbish'), { code: 'VALIDATION_FAILED' })
  await loader.stop()
})
