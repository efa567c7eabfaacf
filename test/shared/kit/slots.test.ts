import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Slots } from '#shared/kit/slots.ts'

const { signal: lasting } = new AbortController()
const full = () => new Error('the line is full')
const turnOfTheLoop = () => new Promise((resolve) => setImmediate(resolve))

test('whoever finds no slot waits in order, and gets the one that is given back', async () => {
  const slots = new Slots({ count: 1, waitingMax: 2, full })
  const order: string[] = []
  const giveBack = await slots.take(lasting)
  const entering = ['first', 'second'].map(async (name) => {
    const leave = await slots.take(lasting)
    order.push(name)
    leave()
  })
  assert.deepEqual([slots.running, slots.waiting], [1, 2])
  giveBack()
  giveBack() // nothing, the second time
  await Promise.all(entering)
  assert.deepEqual(order, ['first', 'second'])
  assert.deepEqual([slots.running, slots.waiting], [0, 0])
})

test('one more than may wait is refused', async () => {
  const slots = new Slots({ count: 1, waitingMax: 1, full })
  const giveBack = await slots.take(lasting)
  const waiting = slots.take(lasting)
  await assert.rejects(slots.take(lasting), /the line is full/)
  giveBack()
  await waiting
})

test('whoever withdraws leaves the line at once, with its own reason', async () => {
  const slots = new Slots({ count: 1, waitingMax: 2, full })
  const giveBack = await slots.take(lasting)
  const withdrawing = new AbortController()
  const rejected = assert.rejects(slots.take(withdrawing.signal), /no longer wanted/)
  withdrawing.abort(new Error('no longer wanted'))
  await rejected
  assert.equal(slots.waiting, 0)
  giveBack()
  assert.equal(slots.running, 0)
  await assert.rejects(slots.take(withdrawing.signal), /no longer wanted/)
})

test('what is too heavy for the rest waits, and those behind it wait too', async () => {
  const slots = new Slots({ count: 4, weightMax: 10, waitingMax: 4, full })
  await slots.take(lasting, 6)
  const heavy = new AbortController()
  const refused = assert.rejects(slots.take(heavy.signal, 5), /withdrawn/)
  let isInside = false
  const light = slots.take(lasting, 4).then(() => (isInside = true))
  await turnOfTheLoop()
  assert.equal(isInside, false)
  heavy.abort(new Error('withdrawn'))
  await Promise.all([refused, light])
  assert.deepEqual([slots.running, slots.weight], [2, 10])
})

test('neither slots nor weight are ever exceeded, and one too heavy runs alone', async () => {
  const weights = fc.array(fc.integer({ min: 0, max: 14 }), { maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), weights, async (count, all) => {
      const slots = new Slots({ count, weightMax: 10, waitingMax: 20, full })
      const work = async (weight: number) => {
        const giveBack = await slots.take(lasting, weight)
        assert.ok(slots.running <= count)
        assert.ok(slots.weight <= 10 || slots.running === 1)
        await turnOfTheLoop()
        giveBack()
      }
      await Promise.all(all.map(work))
      assert.deepEqual([slots.running, slots.waiting, slots.weight], [0, 0, 0])
    }),
    { numRuns: 30 }
  )
})
