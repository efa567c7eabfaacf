import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns } from '#shared/kit/turns.ts'

test('work that comes together is done one after the other, in the order in which it came', async () => {
  const turns = new Turns()
  const events: string[] = []
  const work = (name: string) => async () => {
    events.push(`${name} begins`)
    await new Promise((resolve) => setImmediate(resolve))
    events.push(`${name} ends`)
    return name
  }
  const results = await Promise.all([turns.run(work('a')), turns.run(work('b'))])
  assert.deepEqual(results, ['a', 'b'])
  assert.deepEqual(events, ['a begins', 'a ends', 'b begins', 'b ends'])
  assert.equal(turns.isFree, true)
})

test('work that fails is told to whoever asked for it, and the next one has its turn', async () => {
  const turns = new Turns()
  const failing = turns.run(() => Promise.reject(new Error('it broke')))
  const next = turns.run(async () => 'done')
  await assert.rejects(failing, /it broke/)
  assert.equal(await next, 'done')
})

test('whoever holds the turn takes it again at once, and others wait until it is given on', async () => {
  const turns = new Turns()
  const [mine, other] = [{}, {}]
  await turns.take(mine)
  await turns.take(mine)
  const waiting = turns.take(other)
  assert.equal(turns.holds(mine), true)
  turns.give()
  await waiting
  assert.equal(turns.holds(other), true)
  turns.give()
  assert.equal(turns.isFree, true)
  assert.throws(() => turns.give(), /nobody has/)
})
