/**
 * Models that a worker loads when a request comes: with the simulated engine, and with real files.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { registryList, type WorkerModel } from '#shared/contracts/peers/peers.ts'
import { PeerPool } from '#shared/mesh/peer-pool.ts'
import { createContext } from '#shared/rpc/context.ts'
import { writeRandomModel } from '../../tools/haif-tiny/gguf/random-model.ts'
import type { ModelSource } from '../../services/worker/models/sources/model-source.ts'
import { modelArgument } from '../../services/worker/models/sources/model-uri.ts'
import { temporaryHome } from '../helpers/cli.ts'
import { startMesh, type TestMesh } from '../helpers/mesh/mesh.ts'
import { startPeer } from '../helpers/peers/peers.ts'
import { until } from '../helpers/until.ts'
import { patience } from '../helpers/deadline.ts'

const source = (text: string): ModelSource => modelArgument(text, { folder: '/nowhere' })
const FAST = 'decode=inf&prefill=inf'

interface Setup {
  models?: string[]
  onDemand?: string[]
  ramBytes?: number
}

/** A mesh with one worker, and every state that its models go through. */
async function startWith(t: TestContext, { models = [], onDemand = [], ramBytes = 100 }: Setup) {
  const mesh = await startMesh(t, { workers: [] })
  const changes: string[] = []
  const { worker } = await mesh.addWorker(
    models.map(source),
    {},
    {
      onDemand: onDemand.map(source),
      budget: async () => ({ ramBytes, vramBytes: 0, strict: false }),
      onModel: ({ name, state }) => changes.push(`${name} ${state}`)
    }
  )
  await mesh.ready()
  const stateOf = (name: string): WorkerModel['state'] | undefined =>
    worker.models().find((model) => model.name === name)?.state
  return { mesh, worker, changes, stateOf }
}

const catalogue = async (t: TestContext, mesh: TestMesh) => {
  const peer = await startPeer(t, mesh.topicKey, { role: 'client' })
  peer.follow('registry')
  const pool = new PeerPool(peer, 'registry')
  return async () => {
    using context = createContext({ timeoutMs: patience(5000) })
    return (await pool.call(registryList, {}, context)).models
  }
}

suite('models on demand', () => {
  test('the first request loads it, and the least recently used one makes room', async (t) => {
    const { mesh, changes } = await startWith(t, {
      models: [`sim:pinned?ram=40&${FAST}`],
      onDemand: ['one', 'two', 'three'].map((name) => `sim:${name}?ram=30&${FAST}`)
    })
    for (const model of ['one', 'two', 'one', 'three', 'pinned']) {
      const { end } = await mesh.infer({ model })
      assert.equal(end.model, model)
    }
    assert.deepEqual(
      changes.filter((change) => !change.endsWith('loading')),
      ['pinned ready', 'one ready', 'two ready', 'two loadable', 'three ready']
    )
  })

  test('many wait for one load, see it go on, and open no breaker', async (t) => {
    const { mesh, changes } = await startWith(t, { onDemand: [`sim:late?ram=1&load=1200&${FAST}`] })
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => mesh.infer({ model: 'late', watchQueue: true }))
    )
    for (const { tokenIds, end } of answers) {
      assert.equal(tokenIds.length, 16)
      assert.equal(end.attempts, 1)
    }
    assert.ok(answers.some(({ queued }) => queued.some(({ loading }) => loading !== undefined)))
    assert.deepEqual(changes, ['late loading', 'late ready'])
    const unwatched = await mesh.infer({ model: 'late' })
    assert.deepEqual(unwatched.queued, [])
  })

  test('a model with requests stays until they have ended', async (t) => {
    const { mesh, stateOf, changes } = await startWith(t, {
      onDemand: [`sim:slow?ram=60&decode=40`, `sim:next?ram=60&${FAST}`]
    })
    const running = mesh.infer({ model: 'slow', maxTokens: 40 })
    await until(() => stateOf('slow') === 'ready')
    const waiting = mesh.infer({ model: 'next' })
    await until(() => stateOf('next') === 'loading')
    assert.equal(stateOf('slow'), 'ready')
    assert.equal((await running).tokenIds.length, 40)
    assert.equal((await waiting).tokenIds.length, 16)
    assert.deepEqual(changes.slice(-2), ['slow loadable', 'next ready'])
  })

  test('one whose caller has left is not loaded any more', async (t) => {
    const { mesh, stateOf } = await startWith(t, {
      onDemand: [`sim:slow?ram=60&decode=20`, `sim:next?ram=60&${FAST}`]
    })
    const running = mesh.infer({ model: 'slow', maxTokens: 60 })
    await until(() => stateOf('slow') === 'ready')
    using context = createContext({ timeoutMs: 400 })
    await assert.rejects(mesh.inferIn(context, { model: 'next' }), { code: 'DEADLINE_EXCEEDED' })
    await until(() => stateOf('next') === 'loadable')
    await running
  })

  test('what can never fit is refused with a sentence', async (t) => {
    const { mesh } = await startWith(t, {
      models: [`sim:pinned?ram=40&${FAST}`],
      onDemand: [`sim:huge?ram=61&${FAST}`]
    })
    const refused = { code: 'MODEL_LOAD_FAILED', message: /^huge does not fit: .*--memory-budget/ }
    await assert.rejects(mesh.infer({ model: 'huge' }), refused)
    await assert.rejects(mesh.infer({ model: 'huge' }), /huge does not fit/)
    assert.equal((await mesh.infer({ model: 'pinned' })).tokenIds.length, 16)
  })

  test('a worker that has it loaded comes before one that would load it', async (t) => {
    const { mesh, stateOf } = await startWith(t, {
      onDemand: [`sim:both?ram=1&load=5000&${FAST}`]
    })
    const ready = await mesh.addWorker([source(`sim:both?${FAST}`)])
    const models = await catalogue(t, mesh)
    await until(async () => {
      const [both] = await models()
      return both?.workers.length === 1 && both.loadable?.length === 1
    })
    for (let i = 0; i < 5; i++) {
      const { end } = await mesh.infer({ model: 'both' })
      assert.deepEqual(end.workers, [ready.key])
    }
    assert.equal(stateOf('both'), 'loadable')
  })

  test('two of one name are told apart by the owner', async (t) => {
    const twice = startWith(t, { models: ['sim:a'], onDemand: ['a=sim:b'] })
    await assert.rejects(twice, { code: 'CONFIG_INVALID', message: /two models are named a/ })
  })

  test('real files come and go within the budget, and say what they take', async (t) => {
    const folder = temporaryHome(t)
    const files = ['a', 'b'].map((name) => join(folder, `${name}.gguf`))
    files.forEach((file, i) => writeRandomModel(file, { seed: i + 1 }))
    // A process with a tiny model counts as 160 MB before its first load, and takes 100 MB or more:
    // there is room for one.
    const ramBytes = 175e6
    const { mesh, worker, changes } = await startWith(t, { onDemand: files, ramBytes })
    for (const model of ['a', 'b', 'a']) {
      assert.equal((await mesh.infer({ model, maxTokens: 4 })).end.model, model)
      const loaded = worker.models().filter(({ state }) => state === 'ready')
      const taken = loaded.reduce((sum, { memory }) => sum + (memory?.ramBytes ?? Infinity), 0)
      assert.equal(loaded.length, 1, `${taken}`)
      assert.ok(taken > 1e6 && taken <= ramBytes, `${taken}`)
    }
    assert.deepEqual(
      changes.filter((change) => change.endsWith('ready')),
      ['a ready', 'b ready', 'a ready']
    )
    const facts = worker.models().find(({ name }) => name === 'b')
    assert.equal(facts?.state, 'loadable')
    assert.equal(facts.capabilities?.jsonSchema, true)
    assert.equal(facts.capabilities?.tools, true) // in a text, as its template has no place
    assert.match(facts.digest ?? '', /^[0-9a-f]{64}$/)
  })
})
