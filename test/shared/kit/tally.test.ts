import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Tally } from '#shared/kit/tally.ts'

test('each key counts for itself until its last one has left', () => {
  const tally = new Tally<string>()
  const [first, second, other] = [tally.enter('a'), tally.enter('a'), tally.enter('b')]
  assert.deepEqual([tally.of('a'), tally.of('b'), tally.of('c'), tally.total], [2, 1, 0, 3])
  first()
  first()
  assert.deepEqual([tally.of('a'), tally.total], [1, 2])
  second()
  other()
  assert.deepEqual([tally.of('a'), tally.of('b'), tally.total], [0, 0, 0])
})

test('the total is the sum of all keys, and nobody leaves twice', () => {
  const step = fc.record({ key: fc.nat(3), leaves: fc.nat(20) })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const tally = new Tally<number>()
      const inside = new Map<() => void, number>()
      const everyone: (() => void)[] = []
      for (const { key, leaves } of steps) {
        const leave = tally.enter(key)
        everyone.push(leave)
        inside.set(leave, key)
        const leaver = everyone[leaves % everyone.length]!
        leaver()
        inside.delete(leaver)
        const keys = [...inside.values()]
        assert.equal(tally.total, keys.length)
        for (const each of [0, 1, 2, 3]) {
          assert.equal(tally.of(each), keys.filter((its) => its === each).length)
        }
      }
    })
  )
})
