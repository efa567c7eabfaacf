/** A worker's report about a model in each of its states. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import { SENTENCE_MAX, WorkerModel } from '#shared/contracts/peers/peers.ts'
import { HaifError } from '#shared/errors.ts'
import { HeldModel } from '../../../../services/worker/models/held-model.ts'
import type { ModelSource } from '../../../../services/worker/models/sources/model-source.ts'
import { FakeEngine } from './fake-engine.ts'

const contract = Compile(WorkerModel)

function held(expect: ReturnType<NonNullable<ModelSource['expect']>> = {}, onDemand = true) {
  const clock = { now: 0 }
  const source: ModelSource = {
    name: 'm',
    engine: 'fake',
    open: () => assert.fail('nobody opens it'),
    expect: () => expect
  }
  const model = new HeldModel({ source, onDemand, now: () => clock.now })
  const describe = () => {
    const report = model.describe('peer')
    assert.ok(contract.Check(report))
    return report
  }
  return { model, clock, describe }
}

async function load(model: HeldModel): Promise<void> {
  const engine = new FakeEngine('m', { ramBytes: 7 })
  engine.loads()
  model.becomesReady(engine, await engine.load())
}

test('before it was ever loaded, the size of its file says how long that will take', () => {
  const { describe } = held({ sizeBytes: 5e9 })
  const { state, slots, loadMs, sizeBytes, memory } = describe()
  assert.deepEqual([state, slots, sizeBytes, memory], ['loadable', 4, 5e9, undefined])
  assert.equal(loadMs, 1500 + 10_000)
  assert.equal(held({ loadMs: 30, slots: 2 }).describe().loadMs, 30)
})

test('after a load, the last one says it', async () => {
  const { model, clock, describe } = held({ loadMs: 9000 })
  model.begins()
  clock.now = 4000
  await load(model)
  await model.unload()
  const { state, slots, loadMs, memory, digest } = describe()
  assert.deepEqual([state, slots, loadMs], ['loadable', 3, 4000])
  assert.deepEqual(memory, { ramBytes: 7, vramBytes: 0 })
  assert.equal(digest, 'digest of m')
})

test('while it loads, the rest is by progress where there is some', () => {
  const { model, clock, describe } = held({ loadMs: 9000 })
  model.begins()
  const leave = model.enter('peer')
  model.enter('another')
  clock.now = 2000
  assert.equal(describe().loadMs, 7000)
  model.progressed('downloading', 0.25)
  const { state, phase, progress, loadMs, waiting, yours } = describe()
  assert.deepEqual([state, phase, progress, loadMs], ['loading', 'downloading', 0.25, 6000])
  assert.deepEqual([waiting, yours], [2, 1])
  leave()
  assert.equal(describe().yours, 0)
  clock.now = 20_000
  model.progressed('loading', 0)
  assert.equal(describe().loadMs, 1500, 'it is late, and takes a moment more')
})

test('a pinned model that loads takes no requests', () => {
  const { slots, loadMs, yours } = held({ loadMs: 9000 }, false).describe()
  assert.deepEqual([slots, loadMs, yours], [0, undefined, undefined])
})

test('in memory it has what its engine measures and can do', async () => {
  const { model, describe } = held()
  model.begins()
  await load(model)
  model.enter('peer')
  const report = describe()
  assert.deepEqual([report.state, report.slots, report.yours], ['ready', 3, 1])
  assert.deepEqual([report.prefillTokensPerSecond, report.decodeTokensPerSecond], [2, 1])
  assert.equal(report.capabilities?.embeddings, false)
  assert.equal(report.loadMs, undefined)
})

test('a failure is reported with its reason, cut to what a report may hold', () => {
  const { model, describe } = held()
  model.begins()
  model.fails(new HaifError('MODEL_LOAD_FAILED', 'x'.repeat(5000)))
  const { state, error, slots } = describe()
  assert.deepEqual([state, error?.length, slots], ['failed', SENTENCE_MAX, 0])
})

test('a model whose process hangs or is being replaced is not ready, and says why', async () => {
  const { model, describe } = held({}, false)
  const engine = new FakeEngine('m', {})
  engine.loads()
  model.becomesReady(engine, await engine.load())
  const metrics = engine.metrics()
  engine.metrics = () => ({ ...metrics, restarting: 'its process hangs' })
  const { state, notice, slots } = describe()
  assert.deepEqual([state, slots], ['loading', 0])
  assert.match(notice!, /its process hangs; it is started again/)
  engine.metrics = () => metrics
  assert.equal(describe().state, 'ready')
})
