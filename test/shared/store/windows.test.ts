import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Draw } from '#shared/store/shared-state.ts'
import { Windows } from '#shared/store/windows.ts'

const perMinute = (max: number, amount = 1): Draw => ({
  key: 'tenant/rpm',
  amount,
  max,
  kind: 'sliding',
  windowMs: 60_000
})

test('in no minute more is granted than the limit, whenever it is asked for', () => {
  const steps = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 1, max: 7 })),
    {
      maxLength: 200
    }
  )
  fc.assert(
    fc.property(steps, (draws) => {
      const windows = new Windows()
      const granted: { at: number; amount: number }[] = []
      let now = 1_000_000
      for (const [after, amount] of draws) {
        now += after
        if (windows.draw([perMinute(20, amount)], now).granted) granted.push({ at: now, amount })
      }
      for (const { at: from } of granted) {
        const inside = granted.filter(({ at }) => at >= from && at < from + 60_000)
        assert.ok(inside.reduce((sum, { amount }) => sum + amount, 0) <= 20)
      }
    })
  )
})

test('a refusal says when the draw fits, and then it does', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 9000 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(steps, (gaps) => {
      const windows = new Windows()
      let now = 5_000_000
      for (const gap of gaps) {
        now += gap
        const result = windows.draw([perMinute(10, 3)], now)
        if (result.granted) continue
        now += result.retryAfterMs!
        assert.ok(windows.draw([perMinute(10, 3)], now).granted)
      }
    })
  )
})

test('what is told as used is the sum of what was granted and settled in the window', () => {
  const steps = fc.array(
    fc.record({
      after: fc.integer({ min: 0, max: 9000 }),
      amount: fc.integer({ min: 1, max: 50 }),
      unused: fc.integer({ min: 0, max: 50 })
    }),
    { maxLength: 100 }
  )
  fc.assert(
    fc.property(steps, (draws) => {
      const windows = new Windows()
      const granted: { second: number; amount: number }[] = []
      let now = 3_000_000
      for (const { after, amount, unused } of draws) {
        now += after
        const draw = perMinute(1_000_000, amount)
        const result = windows.draw([draw], now)
        assert.ok(result.granted)
        const back = Math.min(unused, amount)
        const second = Math.floor(now / 1000)
        const sum = granted
          .filter((each) => each.second >= second - 60)
          .reduce((total, each) => total + each.amount, amount)
        assert.equal(result.states[0]!.used, sum)
        windows.settle(draw, -back, now, now)
        granted.push({ second, amount: amount - back })
      }
    })
  )
})

test('takes from all limits or from none', () => {
  const windows = new Windows()
  const wide = { ...perMinute(100), key: 'wide' }
  const narrow = { ...perMinute(1), key: 'narrow' }
  assert.ok(windows.draw([wide, narrow], 1000).granted)
  const refused = windows.draw([wide, narrow], 1000)
  assert.ok(!refused.granted)
  assert.equal(refused.refusedBy, 1)
  assert.deepEqual(
    refused.states.map(({ used }) => used),
    [1, 1]
  )
})

test('what can never fit is refused without a time', () => {
  const result = new Windows().draw([perMinute(10, 11)], 1000)
  assert.ok(!result.granted)
  assert.equal(result.retryAfterMs, null)
})

test('a calendar period begins anew at its end', () => {
  const windows = new Windows()
  const budget = (amount: number, windowMs: number): Draw => ({
    key: 'tenant/day',
    amount,
    max: 100,
    kind: 'calendar',
    windowMs
  })
  assert.ok(windows.draw([budget(90, 5000)], 1000).granted)
  const refused = windows.draw([budget(20, 4000)], 2000)
  assert.ok(!refused.granted)
  assert.equal(refused.retryAfterMs, 4000)
  assert.ok(windows.draw([budget(20, 86_400_000)], 6000).granted)
})

test('settling gives back what was not used, and takes what was used beyond', () => {
  const windows = new Windows()
  const draw = perMinute(100, 80)
  const first = windows.draw([draw], 1000)
  assert.ok(first.granted)
  windows.settle(draw, -70, first.at, 2000)
  assert.ok(windows.draw([draw], 3000).granted)
  windows.settle(draw, 20, 3000, 4000)
  assert.equal(windows.draw([perMinute(100, 1)], 5000).granted, false)
})

test('a share counts each grant once for every process', () => {
  const windows = new Windows()
  let granted = 0
  while (windows.draw([perMinute(60)], 1000, 2).granted) granted++
  assert.equal(granted, 30)
})
