import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HaifError } from '#shared/errors.ts'
import { HeldModels } from '../../../../services/worker/models/held-models.ts'
import { fakeModel } from './fake-engine.ts'

const sourceOf = (name: string) => fakeModel(name).held.source
const holding = (pinned: string[], onDemand: string[] = []) =>
  new HeldModels({
    pinned: pinned.map(sourceOf),
    onDemand: onDemand.map(sourceOf),
    onChange: () => {}
  })

test('models are found by name, the pinned ones first', () => {
  const models = holding(['a'], ['b'])
  const described = models.describe().map(({ name, onDemand }) => [name, onDemand])
  assert.deepEqual(described, [
    ['a', false],
    ['b', true]
  ])
  assert.equal(models.named('b'), models.all[1])
  assert.equal(models.named('c'), undefined)
})

test('two models of one name are refused', () => {
  const twins = { code: 'CONFIG_INVALID', message: /two models are named a:/ }
  assert.throws(() => holding(['a', 'a']), twins)
  assert.throws(() => holding(['a'], ['b', 'a']), twins)
})

test('there is hope until every model has failed for good', () => {
  const models = holding(['a', 'b'])
  const [a, b] = models.all
  a!.fails(new HaifError('MODEL_LOAD_FAILED', 'a is broken'))
  assert.equal(models.hopeless(), null)
  b!.fails(new HaifError('ENGINE_FAILED', 'b is away', { retryAfterMs: 1 }))
  assert.equal(models.hopeless(), null, 'b is tried again')
  b!.fails(new HaifError('MODEL_LOAD_FAILED', 'b is broken'))
  const { code, message } = models.hopeless()!
  assert.equal(code, 'MODEL_LOAD_FAILED')
  assert.equal(message, 'no model can be loaded; a: a is broken; b: b is broken')
})

test('a model on demand leaves hope, and no model at all does too', () => {
  const models = holding([], ['a'])
  const [a] = models.all
  a!.begins()
  a!.fails(new HaifError('MODEL_LOAD_FAILED', 'a is broken'))
  assert.equal(models.hopeless(), null)
  assert.equal(holding([]).hopeless(), null)
})

test('the failure of a single model is its own sentence', () => {
  const models = holding(['a'])
  const error = new HaifError('MODEL_LOAD_FAILED', 'a is broken')
  models.all[0]!.fails(error)
  assert.equal(models.hopeless(), error)
})
