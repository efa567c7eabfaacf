import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ModelAliases } from '../../../../services/orchestrator/requests/model-aliases.ts'
import { chooseModel } from '../../../../services/orchestrator/requests/model-choice.ts'
import { requestOf } from '../../../helpers/requests.ts'
import { ask, modelReport, startDispatcher } from '../workers/table.ts'

const ALIASES = new ModelAliases([['fast', ['first', 'second']]])

test('R15: an answer that has begun stays with its file, while some worker has that', () => {
  const { table, report } = startDispatcher()
  report('a', [modelReport({ name: 'first', digest: 'f1' })])
  const link = report('b', [modelReport({ name: 'second', digest: 'f2' })])
  const sent = { tokenIds: [1], text: 'x', digest: 'f2' }
  for (const model of ['fast', undefined]) {
    const asked = requestOf(model === undefined ? { sent } : { model, sent })
    assert.equal(chooseModel(asked, table, ALIASES), 'second')
  }
  table.remove(link)
  assert.equal(chooseModel(requestOf({ model: 'fast', sent }), table, ALIASES), 'first')
})

test('an alias stands for the first of its models with a free slot, else the first that is ready', () => {
  const { table, dispatcher, report } = startDispatcher()
  const fast = () => chooseModel(requestOf({ model: 'fast' }), table, ALIASES)
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
  assert.throws(() => chooseModel(requestOf(), table, ALIASES), { code })
  report('a', [modelReport({ name: 'one', state: 'loadable' })])
  assert.equal(chooseModel(requestOf(), table, ALIASES), 'one')
  report('b', [modelReport({ name: 'two' })])
  assert.equal(chooseModel(requestOf(), table, ALIASES), 'two')
})
