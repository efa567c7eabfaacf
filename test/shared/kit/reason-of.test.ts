import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reasonOf } from '#shared/kit/reason-of.ts'

test('an error is told in one line that is not too long', () => {
  assert.equal(reasonOf(new Error(' it broke\n  at line 1 ')), 'it broke at line 1')
  assert.equal(reasonOf(new Error('x'.repeat(1000))).length, 300)
})

test('what is no error is told as it is', () => {
  assert.equal(reasonOf('it broke'), 'it broke')
  assert.equal(reasonOf(undefined), 'undefined')
})

test('where every address of a host has failed, the reason is the first failure', () => {
  const refused = new Error('connect ECONNREFUSED ::1:5432')
  assert.equal(reasonOf(new AggregateError([refused, new Error('another')])), refused.message)
  assert.equal(reasonOf(new AggregateError([refused], 'all of them failed')), 'all of them failed')
})
