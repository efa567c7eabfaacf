import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BoundedMap } from '#shared/kit/bounded-map.ts'

test('with one entry too many the oldest goes', () => {
  const map = new BoundedMap<string, number>(2).set('a', 1).set('b', 2).set('c', 3)
  assert.deepEqual(Object.fromEntries(map), { b: 2, c: 3 })
})

test('an entry that is set again is the newest', () => {
  const map = new BoundedMap<string, number>(2).set('a', 1).set('b', 2).set('a', 3).set('c', 4)
  assert.deepEqual(Object.fromEntries(map), { a: 3, c: 4 })
})

test('it keeps the keys that were set last, whatever is set and deleted', () => {
  const operation = fc.record({ key: fc.nat(9), isSet: fc.boolean() })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(operation), (max, operations) => {
      const map = new BoundedMap<number, number>(max)
      let expected: number[] = []
      for (const { key, isSet } of operations) {
        expected = expected.filter((other) => other !== key)
        if (isSet) map.set(key, key)
        else map.delete(key)
        if (isSet) expected = [...expected, key].slice(-max)
        assert.deepEqual([...map.keys()], expected)
      }
    })
  )
})
