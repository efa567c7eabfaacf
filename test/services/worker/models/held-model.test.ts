/** The states of a model on a worker; numbers as in services/worker/models/SPEC.md. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { HaifError } from '#shared/errors.ts'
import { HeldModel } from '../../../../services/worker/models/held-model.ts'
import { FakeEngine, fakeModel, type FakeOptions } from './fake-engine.ts'

const BROKEN = new HaifError('MODEL_LOAD_FAILED', 'it is broken')
const AWAY = new HaifError('ENGINE_FAILED', 'it is away', { retryAfterMs: 1 })

async function readyModel(options: FakeOptions = {}) {
  const model = fakeModel('m', options)
  model.held.begins()
  const engine = await becomeReady(model.held, options)
  return { ...model, engine }
}

async function becomeReady(held: HeldModel, options: FakeOptions = {}): Promise<FakeEngine> {
  const engine = new FakeEngine(held.name, options)
  engine.loads()
  held.becomesReady(engine, await engine.load())
  return engine
}

suite('a held model', () => {
  test('H1: a pinned model starts as loading, one on demand as loadable', () => {
    assert.equal(fakeModel('pinned').held.state.kind, 'loading')
    assert.equal(fakeModel('other', { onDemand: true }).held.state.kind, 'loadable')
  })

  test('H1: a pinned model is neither loadable nor unloaded', async () => {
    const { held } = await readyModel()
    assert.throws(() => held.becomesLoadable(), assert.AssertionError)
    await assert.rejects(held.unload(), assert.AssertionError)
    assert.equal(held.state.kind, 'ready')
  })

  test('H2: only the transitions of the table exist, whatever happens in which order', async () => {
    const NEXT: Record<string, string[]> = {
      'pinned loading': ['loading', 'ready', 'failed'],
      'pinned ready': ['failed'],
      'pinned failed': ['failed', 'ready'],
      'onDemand loadable': ['loading'],
      'onDemand loading': ['ready', 'failed', 'loadable'],
      'onDemand ready': ['loadable', 'failed'],
      'onDemand failed': ['failed', 'loadable']
    }
    const steps = {
      begins: (held: HeldModel) => held.begins(),
      ready: (held: HeldModel) => becomeReady(held),
      fails: (held: HeldModel) => held.fails(BROKEN),
      loadable: (held: HeldModel) => held.becomesLoadable()
    }
    const names = Object.keys(steps) as (keyof typeof steps)[]
    const property = fc.asyncProperty(
      fc.boolean(),
      fc.array(fc.constantFrom(...names), { maxLength: 20 }),
      async (onDemand, taken) => {
        const { held } = fakeModel('m', { onDemand })
        for (const name of taken) {
          const before = held.state
          const allowed = NEXT[`${onDemand ? 'onDemand' : 'pinned'} ${before.kind}`]!
          try {
            await steps[name](held)
          } catch (error) {
            assert.ok(error instanceof assert.AssertionError, `${name} of ${before.kind}`)
            assert.equal(held.state, before)
            continue
          }
          if (held.state !== before) assert.ok(allowed.includes(held.state.kind))
        }
      }
    )
    await fc.assert(property)
  })

  test('H5: users are counted for each peer, and leave once', async () => {
    const { held } = await readyModel({ onDemand: true })
    const leaves = ['a', 'a', 'b'].map((peer) => held.enter(peer))
    assert.equal(held.describe('a').yours, 2)
    assert.equal(held.describe('b').yours, 1)
    leaves[0]!()
    leaves[0]!()
    assert.equal(held.describe('a').yours, 1)
    assert.ok(held.hasUsers)
    for (const leave of leaves) leave()
    assert.ok(!held.hasUsers)
    assert.equal(held.describe('a').yours, 0)
  })

  test('H6: a model with users is not unloaded', async () => {
    const { held, engine } = await readyModel({ onDemand: true })
    const leave = held.enter('a')
    assert.equal(held.resident?.busy, true)
    await assert.rejects(held.unload(), assert.AssertionError)
    assert.equal(engine.state, 'loaded')
    leave()
    await held.unload()
    assert.equal(engine.state, 'closed')
    assert.equal(held.state.kind, 'loadable')
    assert.equal(held.resident, null)
  })

  test('H8: the last use is the end of the last request', async () => {
    let now = 1
    const { source } = fakeModel('m').held
    const held = new HeldModel({ source, onDemand: true, now: () => now })
    held.begins()
    await becomeReady(held)
    assert.equal(held.resident?.lastUsedAt, 1)
    now = 5
    const leave = held.enter('a')
    now = 9
    leave()
    assert.equal(held.resident?.lastUsedAt, 9)
  })

  test('H11: a pinned model is tried again only where that may help, and fails meanwhile', async () => {
    const forGood = fakeModel('m').held
    assert.equal(forGood.fails(BROKEN), null)
    assert.ok(forGood.failedForGood)

    for (const held of [
      fakeModel('m', { retry: { firstMs: 2000, maxMs: 60_000 } }).held,
      fakeModel('m').held
    ]) {
      const pauses = Array.from({ length: 8 }, () => {
        held.begins()
        const pause = held.fails(AWAY)
        assert.equal(held.state.kind, 'failed')
        return pause!
      })
      assert.ok(pauses[0]! >= 1000 && pauses[0]! <= 2000, `${pauses[0]}`)
      assert.ok(pauses[7]! >= 30_000 && pauses[7]! <= 60_000, `${pauses[7]}`)
      assert.ok(!held.failedForGood)
      await becomeReady(held)
      assert.equal(held.state.kind, 'ready')
      assert.ok(held.fails(AWAY)! <= 2000, 'a success begins the pauses anew')
    }
  })

  test('H11: a model on demand may always be tried again, after a pause', () => {
    const { held } = fakeModel('m', { onDemand: true })
    held.begins()
    assert.ok(held.fails(BROKEN)! >= 2500)
    assert.ok(!held.mayLoad && !held.failedForGood)
    held.becomesLoadable()
    assert.ok(held.mayLoad)
  })

  test('H14: a request for a model that is not ready hears why, and whether to come back', async () => {
    const { held } = fakeModel('m', { onDemand: true })
    const overloaded = { code: 'WORKER_OVERLOADED', retryAfterMs: 2000 }
    assert.throws(() => held.ready(), overloaded)
    held.begins()
    assert.throws(() => held.ready(), overloaded)
    held.fails(BROKEN)
    assert.throws(() => held.ready(), { code: 'MODEL_LOAD_FAILED', message: 'it is broken' })
    held.becomesLoadable()
    held.begins()
    const engine = await becomeReady(held)
    assert.equal(held.ready().engine, engine)
  })

  test('H15: a change is told once; progress and the same failure again are no change', () => {
    const { held, changes } = fakeModel('m', { retry: { firstMs: 1, maxMs: 1 } })
    held.begins()
    held.progressed('downloading', 0.5)
    assert.deepEqual(changes, ['loading'])
    const { phase, progress } = held.describe()
    assert.deepEqual({ phase, progress }, { phase: 'downloading', progress: 0.5 })
    for (const error of [AWAY, AWAY, BROKEN]) {
      held.fails(error)
      held.begins()
    }
    assert.deepEqual(changes, ['loading', 'failed', 'failed'])
    held.progressed('loading', 1)
    assert.equal(held.state.kind, 'failed')
  })

  test('H15: what was learned of a model is reported while it is not in memory', async () => {
    const { held } = await readyModel({ onDemand: true, ramBytes: 7 })
    await held.unload()
    const { state, memory, slots, decodeTokensPerSecond, contextTokens } = held.describe()
    assert.equal(state, 'loadable')
    assert.deepEqual(memory, { ramBytes: 7, vramBytes: 0 })
    assert.deepEqual([slots, decodeTokensPerSecond, contextTokens], [3, 1, 8])
  })
})
