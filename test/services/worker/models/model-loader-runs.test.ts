/**
 * Any order of requests, loads, failures and losses: what services/worker/models/SPEC.md says holds
 * after each step, and nothing is left when all requests have ended.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { HaifError } from '#shared/errors.ts'
import { ModelLoader } from '../../../../services/worker/models/model-loader.ts'
import { fakeModel, type FakeEngine, type FakeModel } from './fake-engine.ts'

const BUDGET_BYTES = 10
const PAUSE_MS_MAX = 300_000
const RETRY = { firstMs: 100, maxMs: 1000 }
const GONE = new HaifError('ENGINE_FAILED', 'it is gone')

type Step =
  | { kind: 'request' | 'lose'; model: number }
  | { kind: 'leave'; user: number }
  | { kind: 'loads' | 'fails' | 'pause' }

const index = fc.nat(4)
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('request' as const), model: index }),
  fc.record({ kind: fc.constant('lose' as const), model: index }),
  fc.record({ kind: fc.constant('leave' as const), user: fc.nat(9) }),
  fc.record({ kind: fc.constantFrom('loads' as const, 'fails' as const, 'pause' as const) })
)

class Run {
  readonly models: readonly FakeModel[]
  readonly loader: ModelLoader
  readonly #t: TestContext
  readonly #users: { model: FakeModel; leave: () => void }[] = []

  constructor(t: TestContext, onDemandBytes: readonly number[]) {
    this.#t = t
    this.models = [
      fakeModel('pinned', { ramBytes: 2, retry: RETRY }),
      ...onDemandBytes.map((ramBytes, i) => fakeModel(`m${i}`, { onDemand: true, ramBytes }))
    ]
    this.loader = new ModelLoader({
      models: this.models.map(({ held }) => held),
      budget: async () => ({ ramBytes: BUDGET_BYTES, vramBytes: 0, strict: true })
    })
    void this.loader.loadPinned()
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'request':
        this.#request(this.models[step.model]!)
        break
      case 'leave':
        this.#leave(step.user)
        break
      case 'lose':
        this.models[step.model]!.engines.findLast(({ state }) => state === 'loaded')?.lose(GONE)
        break
      case 'loads':
      case 'fails':
        this.#loading()[0]?.[step.kind]()
        break
      case 'pause':
        this.#t.mock.timers.tick(PAUSE_MS_MAX)
    }
    await turn()
    this.#check()
  }

  /** Every request leaves and every load ends: nothing may be left that waits. */
  async end(): Promise<void> {
    while (this.#users.length > 0) await this.take({ kind: 'leave', user: 0 })
    while (this.#loading().length > 0) await this.take({ kind: 'loads' })
    for (const { held } of this.models) assert.notEqual(held.state.kind, 'loading', 'H10')
    await this.loader.stop()
    await turn()
    const left = this.models.flatMap(({ engines }) => engines.filter(isOpen))
    // What its model has lost has let go of everything by itself.
    assert.deepEqual(
      left.filter(({ isLost }) => !isLost),
      [],
      'H13'
    )
  }

  #request(model: FakeModel): void {
    const { held } = model
    if (held.state.kind === 'failed' || (held.state.kind === 'loading' && !held.mayLoad)) return
    this.#users.push({ model, leave: held.enter('peer') })
    if (held.mayLoad) void this.loader.load(held)
  }

  #leave(user: number): void {
    const [left] = this.#users.splice(user % Math.max(1, this.#users.length), 1)
    left?.leave()
    this.loader.changed()
  }

  #loading(): FakeEngine[] {
    return this.models.flatMap(({ engines }) => engines.filter(({ state }) => state === 'loading'))
  }

  #check(): void {
    assert.ok(this.#loading().length <= 1, 'H4')
    for (const { held, engines } of this.models) {
      const open = engines.filter((engine) => isOpen(engine) && !engine.isLost)
      assert.ok(open.length <= 1, 'H3')
      const users = this.#users.filter(({ model }) => model.held === held).length
      assert.equal(held.describe('peer').yours ?? users, users, 'H5')
      assert.equal(held.hasUsers, users > 0, 'H5')
      if (held.state.kind === 'loadable') assert.ok(held.onDemand, 'H1')
      if (held.state.kind === 'ready') assert.deepEqual(open, [held.state.engine], 'H6')
    }
    const inMemory = this.models.flatMap(({ engines }) =>
      engines.filter(({ state, isLost }) => !isLost && (state === 'loaded' || state === 'loading'))
    )
    const bytes = inMemory.reduce((sum, { ramBytes }) => sum + ramBytes, 0)
    assert.ok(bytes <= BUDGET_BYTES, `H7: ${bytes} bytes`)
  }
}

const isOpen = ({ state }: FakeEngine): boolean => state !== 'closed'

test('H1, H3 to H7, H10, H13 hold whatever comes in which order', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const sizes = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 4, maxLength: 4 })
  const property = fc.asyncProperty(
    sizes,
    fc.array(anyStep, { maxLength: 60 }),
    async (s, steps) => {
      const run = new Run(t, s)
      await turn()
      for (const step of steps) await run.take(step)
      await run.end()
    }
  )
  await fc.assert(property, { numRuns: 200 })
})
