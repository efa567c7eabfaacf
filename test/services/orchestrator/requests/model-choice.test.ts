import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DefaultModel } from '../../../../services/orchestrator/requests/default-model.ts'
import { ModelAliases } from '../../../../services/orchestrator/requests/model-aliases.ts'
import { chooseModel } from '../../../../services/orchestrator/requests/model-choice.ts'
import type { WorkerTable } from '../../../../services/orchestrator/workers/worker-table.ts'
import { requestOf } from '../../../helpers/requests.ts'
import { ask, modelReport, startDispatcher } from '../workers/table.ts'

const ALIASES = new ModelAliases([['fast', ['first', 'second']]])

const depsOf = (
  table: WorkerTable,
  wished: () => string | undefined = () => undefined,
  isSettled = () => true
) => ({ table, aliases: ALIASES, defaults: new DefaultModel(wished, isSettled) })

test('R15: an answer that has begun stays with its file, while some worker has that', () => {
  const { table, report } = startDispatcher()
  report('a', [modelReport({ name: 'first', digest: 'f1' })])
  const link = report('b', [modelReport({ name: 'second', digest: 'f2' })])
  const sent = { tokenIds: [1], text: 'x', digest: 'f2' }
  for (const model of ['fast', undefined]) {
    const asked = requestOf(model === undefined ? { sent } : { model, sent })
    assert.equal(chooseModel(asked, depsOf(table)), 'second')
  }
  table.remove(link)
  assert.equal(chooseModel(requestOf({ model: 'fast', sent }), depsOf(table)), 'first')
})

test('an alias stands for the first of its models with a free slot, else the first that is ready', () => {
  const { table, dispatcher, report } = startDispatcher()
  const fast = () => chooseModel(requestOf({ model: 'fast' }), depsOf(table))
  assert.equal(fast(), 'first')
  report('b', [modelReport({ name: 'second' })])
  assert.equal(fast(), 'second')
  report('a', [modelReport({ name: 'first' })])
  assert.equal(fast(), 'first')
  dispatcher.tryNow({ ...ask(), model: 'first' })
  assert.equal(fast(), 'second')
  dispatcher.tryNow({ ...ask(), model: 'second' })
  assert.equal(fast(), 'first')
})

test('a request without a model gets the one that most workers have ready, or an error when none has', () => {
  const { table, report } = startDispatcher()
  const code = 'NO_ELIGIBLE_WORKER'
  assert.throws(() => chooseModel(requestOf(), depsOf(table)), { code })
  report('a', [modelReport({ name: 'one', state: 'loadable' })])
  assert.equal(chooseModel(requestOf(), depsOf(table)), 'one')
  report('b', [modelReport({ name: 'two' })])
  assert.equal(chooseModel(requestOf(), depsOf(table)), 'two')
})

test('the built-in model answers requests without a model only where there is no real one', () => {
  const { table, report } = startDispatcher()
  const deps = depsOf(table)
  const chosen = () => chooseModel(requestOf(), deps)
  const toy = modelReport({ name: 'haif-tiny' })
  for (const key of ['a', 'b', 'c']) report(key, [toy])
  assert.equal(chosen(), 'haif-tiny')
  const link = report('d', [modelReport({ name: 'real', state: 'loadable' })])
  assert.equal(chosen(), 'real', 'although it has to be loaded, and only one worker has it')
  report('d', [modelReport({ name: 'real' })], link)
  report('e', [toy])
  assert.equal(chosen(), 'real')
  table.remove(link)
  assert.equal(chosen(), 'haif-tiny')
})

test('whoever joins does not change the default, until its model is gone', () => {
  const { table, report } = startDispatcher()
  const deps = depsOf(table)
  const chosen = () => chooseModel(requestOf(), deps)
  const first = report('a', [modelReport({ name: 'qwen3-4b' })])
  assert.equal(chosen(), 'qwen3-4b')
  for (const key of ['b', 'c']) report(key, [modelReport({ name: 'abacus' })])
  assert.equal(chosen(), 'qwen3-4b', 'more workers and an earlier name are no reason')
  table.remove(first)
  assert.equal(chosen(), 'abacus')
})

test('while workers are still on their way, the first of them does not decide on the default', () => {
  const { table, report } = startDispatcher()
  let isSettled = false
  const deps = depsOf(table, undefined, () => isSettled)
  const chosen = () => chooseModel(requestOf(), deps)
  report('a', [modelReport({ name: 'rare' })])
  assert.equal(chosen(), 'rare')
  for (const key of ['b', 'c']) report(key, [modelReport({ name: 'usual' })])
  assert.equal(chosen(), 'usual')
  isSettled = true
  for (const key of ['d', 'e', 'f']) report(key, [modelReport({ name: 'rare' })])
  assert.equal(chosen(), 'usual')
})

test('the default that an operator wishes counts while some worker has it, also the built-in one', () => {
  const { table, report } = startDispatcher()
  let wished: string | undefined = 'haif-tiny'
  const deps = depsOf(table, () => wished)
  const chosen = () => chooseModel(requestOf(), deps)
  report('a', [modelReport({ name: 'real' })])
  assert.equal(chosen(), 'real', 'nobody has the other one')
  report('b', [modelReport({ name: 'haif-tiny', state: 'loadable' })])
  assert.equal(chosen(), 'haif-tiny')
  wished = undefined
  assert.equal(chosen(), 'real')
})
