/** A worker that answers what nobody asked loses the attempt, and has it held against it. */
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { END, item, startRun } from './run.ts'

const HUGE = { ...item(1), text: 'A'.repeat(60_000) }

test('R17: an answer that does not end fails over, and nothing of it is passed on', async (t) => {
  const { a, b, answer, addB, table } = await startRun(t)
  a.say(item(0))
  await turn()
  addB()
  a.say(HUGE)
  b.say(item(1), END)
  const { text, end } = await answer
  assert.equal(text, '0 1 ')
  assert.deepEqual(end!.workers, ['a', 'b'])
  assert.match(table.holding('a', 'm')!.character.standing(0)!.reason, /lied once/)
  assert.equal(a.served[0]!.isOver, true, 'its stream is left')
})

test('R17: where no other worker holds the model, the caller hears what was wrong', async (t) => {
  const { a, answer } = await startRun(t)
  a.say(HUGE)
  await assert.rejects(answer, { code: 'WORKER_FAULTY', message: /characters/ })
})

test('R18: what a worker says beyond its own answer is not passed on', async (t) => {
  const { a, answer } = await startRun(t)
  a.say(item(0), {
    ...END,
    model: 'gpt-5',
    repeated: true,
    workers: ['somebody else'],
    usage: { promptTokens: 1, cachedPromptTokens: 1, completionTokens: 1 }
  })
  const { end } = await answer
  assert.equal(end!.model, 'm')
  assert.deepEqual(end!.workers, ['a'])
  assert.equal(end!.repeated, undefined)
})

test('R18: a count that cannot be is corrected and held against the worker', async (t) => {
  const { a, answer, table } = await startRun(t)
  a.say(item(0), {
    ...END,
    usage: { promptTokens: 9_000_000, cachedPromptTokens: 0, completionTokens: 9_000_000 }
  })
  const { usage } = (await answer).end!
  assert.ok(usage.promptTokens < 10 && usage.completionTokens < 100, JSON.stringify(usage))
  assert.match(table.holding('a', 'm')!.character.standing(0)!.reason, /lied once/)
})

test('a worker that something is held against is chosen last, and the choice says so', async (t) => {
  const { a, addB, b, answer, report, add, table } = await startRun(t)
  addB()
  a.say(HUGE)
  b.say(item(0), END)
  await answer
  const c = add('c')
  assert.ok(c)
  assert.ok(table.holding('a', 'm')!.character.distrustMs(0) > 1000)
  void report
})

test('L9: a worker is told what is asked and nothing of who asks', async (t) => {
  const charge = { tenantId: 'acme', caller: '10.0.0.1', usageId: 'u', weight: 2 }
  const { a, answer } = await startRun(t, { request: { ...charge, idempotencyKey: 'k' } })
  a.say(item(0), END)
  await answer
  const told = JSON.stringify(a.served[0]!.request)
  assert.deepEqual(Object.keys(a.served[0]!.request), ['asked'])
  for (const secret of ['acme', '10.0.0.1', '"k"', 'usageId']) assert.ok(!told.includes(secret))
})
