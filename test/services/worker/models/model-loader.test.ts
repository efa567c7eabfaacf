/** How models come into memory and leave it; numbers as in services/worker/models/SPEC.md. */
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { HaifError } from '#shared/errors.ts'
import { ModelLoader } from '../../../../services/worker/models/model-loader.ts'
import { fakeModel, type FakeEngine, type FakeModel } from './fake-engine.ts'

interface Setup {
  ramBytes?: number
  /** The owner has set the budget. */
  strict?: boolean
}

function loaderOf(
  t: TestContext,
  models: readonly FakeModel[],
  { ramBytes = 10, strict = false }: Setup = {}
): ModelLoader {
  const loader = new ModelLoader({
    models: models.map(({ held }) => held),
    budget: async () => ({ ramBytes, vramBytes: 0, strict })
  })
  t.after(() => loader.stop())
  return loader
}

const statesOf = (models: readonly FakeModel[]): string[] =>
  models.map(({ held }) => held.state.kind)

const engineOf = (model: FakeModel): FakeEngine => model.engines.at(-1)!

/** A request for a model, which its engine loads at once. */
async function use(loader: ModelLoader, model: FakeModel): Promise<() => void> {
  const leave = model.held.enter('peer')
  if (model.held.mayLoad) {
    const loading = loader.load(model.held)
    await turn()
    engineOf(model).loads()
    await loading
  }
  return () => {
    leave()
    loader.changed()
  }
}

suite('loading models', () => {
  test('H3: however many want a model, it is loaded once', async (t) => {
    const model = fakeModel('m', { onDemand: true })
    const loader = loaderOf(t, [model])
    const leave = model.held.enter('peer')
    const loads = Array.from({ length: 5 }, () => loader.load(model.held))
    await turn()
    assert.equal(model.engines.length, 1)
    engineOf(model).loads()
    await Promise.all(loads)
    assert.deepEqual(model.changes, ['loading', 'ready'])
    leave()
  })

  test('H4: models are fetched side by side and loaded one after the other', async (t) => {
    const models = ['a', 'b', 'c'].map((name) => fakeModel(name))
    const loader = loaderOf(t, models)
    const loaded = loader.loadPinned()
    await turn()
    for (const model of models) {
      assert.equal(model.engines.length, 1)
      const loading = models.filter((each) => engineOf(each).state === 'loading')
      assert.deepEqual(loading, [model])
      engineOf(model).loads()
      await turn()
    }
    await loaded
    assert.deepEqual(statesOf(models), ['ready', 'ready', 'ready'])
  })

  test('H4: one that cannot be loaded does not keep the others waiting', async (t) => {
    const models = ['a', 'b'].map((name) => fakeModel(name))
    const loader = loaderOf(t, models)
    const loaded = loader.loadPinned()
    await turn()
    engineOf(models[0]!).fails()
    engineOf(models[1]!).loads()
    await loaded
    assert.deepEqual(statesOf(models), ['failed', 'ready'])
    assert.equal(engineOf(models[0]!).state, 'closed') // H13
  })

  test('H7, H8: the least recently used model on demand makes room', async (t) => {
    const [one, two, three] = ['one', 'two', 'three'].map((name) =>
      fakeModel(name, { onDemand: true, ramBytes: 4 })
    ) as [FakeModel, FakeModel, FakeModel]
    const pinned = fakeModel('pinned', { ramBytes: 2 })
    const loader = loaderOf(t, [pinned, one, two, three])
    const loaded = loader.loadPinned()
    await turn()
    engineOf(pinned).loads()
    await loaded
    for (const model of [one, two]) (await use(loader, model))()
    one.held.enter('peer')() // used again, after the other one
    ;(await use(loader, three))()
    assert.deepEqual(statesOf([pinned, one, two, three]), ['ready', 'ready', 'loadable', 'ready'])
    assert.equal(engineOf(two).state, 'closed')
  })

  test('H7: a model that takes more than was estimated makes others leave', async (t) => {
    const small = fakeModel('small', { onDemand: true, ramBytes: 4 })
    const large = fakeModel('large', { onDemand: true, ramBytes: 5, measuredBytes: 9 })
    const loader = loaderOf(t, [small, large])
    for (const model of [small, large]) (await use(loader, model))()
    assert.deepEqual(statesOf([small, large]), ['loadable', 'ready'])
    // From now on it is known what it takes, and the other one goes first.
    ;(await use(loader, small))()
    assert.deepEqual(statesOf([small, large]), ['ready', 'loadable'])
  })

  test('H7, H9: pinned models exceed a budget that nobody has set, not one of the owner', async (t) => {
    const load = async (strict: boolean) => {
      const models = ['a', 'b'].map((name) => fakeModel(name, { ramBytes: 8 }))
      const onDemand = fakeModel('c', { onDemand: true })
      const loader = loaderOf(t, [...models, onDemand], { strict })
      const loaded = loader.loadPinned()
      await turn()
      for (const model of models) engineOf(model).loads()
      await loaded
      return models
    }
    assert.deepEqual(statesOf(await load(false)), ['ready', 'ready'])
    const owned = await load(true)
    assert.deepEqual(statesOf(owned), ['ready', 'failed'])
    assert.match(owned[1]!.held.failure!.message, /b does not fit: .* raise --memory-budget/)
  })

  test('H9: a model on demand that can never fit fails with a sentence, and does not wait', async (t) => {
    const model = fakeModel('huge', { onDemand: true, ramBytes: 11e9, sizeBytes: 10.5e9 })
    const loader = loaderOf(t, [model], { ramBytes: 10e9 })
    const leave = model.held.enter('peer')
    await loader.load(model.held)
    assert.match(
      model.held.failure!.message,
      /huge does not fit: its worker has 10 GB of RAM .* needs more than the 10.5 GB of its file;/
    )
    assert.equal(engineOf(model).state, 'closed')
    leave()
  })

  test('H6, H10: a model waits for memory until those that run are done', async (t) => {
    const [busy, next] = ['busy', 'next'].map((name) =>
      fakeModel(name, { onDemand: true, ramBytes: 6 })
    ) as [FakeModel, FakeModel]
    const loader = loaderOf(t, [busy, next])
    const leaveBusy = await use(loader, busy)
    const leave = next.held.enter('peer')
    const loading = loader.load(next.held)
    await turn()
    assert.equal(next.held.describe().phase, 'waitingForMemory')
    assert.equal(busy.held.state.kind, 'ready')
    leaveBusy()
    await turn()
    engineOf(next).loads()
    await loading
    assert.deepEqual(statesOf([busy, next]), ['loadable', 'ready'])
    leave()
  })

  test('H10: a model whose last request has left while it waited is given up', async (t) => {
    const [busy, next] = ['busy', 'next'].map((name) =>
      fakeModel(name, { onDemand: true, ramBytes: 6 })
    ) as [FakeModel, FakeModel]
    const loader = loaderOf(t, [busy, next])
    await use(loader, busy)
    const leave = next.held.enter('peer')
    const loading = loader.load(next.held)
    await turn()
    leave()
    loader.changed()
    await loading
    assert.deepEqual(next.changes, ['loading', 'loadable'])
    assert.equal(engineOf(next).state, 'closed') // H13
  })

  test('H11, H12: a pinned model whose engine is lost is loaded again, and fails meanwhile', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const model = fakeModel('m', { retry: { firstMs: 100, maxMs: 100 } })
    const loader = loaderOf(t, [model])
    const loaded = loader.loadPinned()
    await turn()
    engineOf(model).loads()
    await loaded
    const lost = engineOf(model)
    lost.lose(new HaifError('ENGINE_FAILED', 'it is gone'))
    await turn()
    assert.equal(model.held.state.kind, 'failed')
    t.mock.timers.tick(100)
    await turn()
    engineOf(model).fails(new HaifError('ENGINE_FAILED', 'it is gone'))
    await turn()
    t.mock.timers.tick(100)
    await turn()
    engineOf(model).loads()
    await turn()
    assert.equal(model.engines.length, 3)
    assert.deepEqual(model.changes, ['loading', 'ready', 'failed', 'ready']) // H15
  })

  test('H17: other bytes are not loaded, until they are wanted or the old ones are back', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const file = { content: 'first' }
    const model = fakeModel('m', { file, retry: { firstMs: 100, maxMs: 100 } })
    const loader = loaderOf(t, [model])
    const loaded = loader.loadPinned()
    await turn()
    engineOf(model).loads()
    await loaded
    const kind = () => model.held.state.kind
    const loses = async () => {
      engineOf(model).lose(new HaifError('MODEL_LOAD_FAILED', 'the file has changed'))
      await turn()
      t.mock.timers.tick(100)
      await turn()
    }
    file.content = 'half a copy'
    await loses()
    assert.equal(engineOf(model).state, 'closed')
    assert.match(model.held.failure!.message, /another one than .* put that one back, or run "haif/)
    file.content = 'first'
    t.mock.timers.tick(100)
    await turn()
    engineOf(model).loads()
    await turn()
    assert.equal(kind(), 'ready')
    file.content = 'a new version'
    await loses()
    assert.equal(kind(), 'failed')
    model.held.acceptsOtherBytes() // as an order to load it does
    t.mock.timers.tick(100)
    await turn()
    engineOf(model).loads()
    await turn()
    assert.equal(kind(), 'ready')
  })

  test('H11: a model on demand that failed can be asked for again after a pause', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const model = fakeModel('m', { onDemand: true })
    const loader = loaderOf(t, [model])
    const leave = model.held.enter('peer')
    const loading = loader.load(model.held)
    await turn()
    engineOf(model).fails()
    await loading
    assert.ok(!model.held.mayLoad)
    t.mock.timers.tick(5000)
    assert.deepEqual(model.changes, ['loading', 'failed', 'loadable'])
    leave()
  })

  test('H12: the loss of an engine that the model no longer has changes nothing', async (t) => {
    const model = fakeModel('m', { onDemand: true, ramBytes: 6 })
    const other = fakeModel('other', { onDemand: true, ramBytes: 6 })
    const loader = loaderOf(t, [model, other])
    for (const each of [model, other, model]) (await use(loader, each))()
    model.engines[0]!.lose(new HaifError('ENGINE_FAILED', 'it is gone'))
    await turn()
    assert.equal(model.held.state.kind, 'ready')
  })

  test('H13: a worker that stops closes every engine and tries nothing again', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const [ready, loading, failed] = ['ready', 'loading', 'failed'].map((name) =>
      fakeModel(name, { retry: { firstMs: 100, maxMs: 100 } })
    ) as [FakeModel, FakeModel, FakeModel]
    const busy = fakeModel('waiting', { onDemand: true, ramBytes: 9 })
    const waiting = fakeModel('waiting', { onDemand: true, ramBytes: 9 })
    const loader = loaderOf(t, [ready, failed, busy, waiting, loading])
    void loader.load(ready.held)
    void loader.load(failed.held)
    await turn()
    engineOf(ready).loads()
    engineOf(failed).fails()
    await turn()
    await use(loader, busy)
    waiting.held.enter('peer')
    const loads = [loader.load(waiting.held), loader.load(loading.held)]
    await turn()
    assert.equal(engineOf(loading).state, 'loading')
    await loader.stop()
    await Promise.all(loads)
    t.mock.timers.tick(1000)
    await turn()
    const all = [ready, loading, failed, busy, waiting]
    for (const { engines } of all) {
      assert.deepEqual(
        engines.map(({ state }) => state),
        ['closed']
      )
    }
    assert.ok(!loading.changes.includes('loadable')) // H1
  })

  test('H13: an engine that is opened only after the stop is closed', async (t) => {
    for (const onDemand of [false, true]) {
      const opened = Promise.withResolvers<void>()
      const model = fakeModel('m', {
        onDemand,
        open: async (engine) => {
          await opened.promise
          return engine
        }
      })
      const loader = loaderOf(t, [model])
      const loading = loader.load(model.held)
      await loader.stop()
      opened.resolve()
      await loading
      assert.equal(engineOf(model).state, 'closed')
      assert.equal(model.held.state.kind, onDemand ? 'loadable' : 'loading')
    }
  })
})
