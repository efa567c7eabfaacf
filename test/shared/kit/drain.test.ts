import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Drain } from '#shared/kit/drain.ts'

test('a drain ends at once where nothing runs', async () => {
  const drain = new Drain()
  assert.equal(drain.isDraining, false)
  await drain.drain(60_000, () => assert.fail('there is nothing to end'))
  assert.equal(drain.isDraining, true)
})

test('a drain waits for what runs, also when it is asked for twice', async () => {
  const drain = new Drain()
  const leaves = [drain.enter({}), drain.enter({})]
  const end = () => assert.fail('all of it ends by itself')
  const drained = [drain.drain(60_000, end), drain.drain(60_000, end)]
  let isOver = false
  void drained[0]!.then(() => (isOver = true))
  leaves[0]!()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isOver, false)
  leaves[1]!()
  await Promise.all(drained)
})

test('what has not ended in time is ended, and waited for', async () => {
  const drain = new Drain<{ name: string }>()
  const ended: string[] = []
  drain.enter({ name: 'quick' })()
  const leave = drain.enter({ name: 'slow' })
  await drain.drain(10, ({ name }) => {
    ended.push(name)
    setImmediate(leave)
  })
  assert.deepEqual(ended, ['slow'])
})
