/** What a worker did wrong is remembered, explained, and fades. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reputation } from '../../../../services/orchestrator/workers/reputation.ts'

const MINUTE = 60_000

test('a lie weighs more than a broken answer, and that more than a slow one', () => {
  const reputation = new Reputation()
  reputation.add('liar', 'lied', 0)
  reputation.add('broken', 'brokeOff', 0)
  reputation.add('slow', 'slow', 0)
  const [liar, broken, slow] = ['liar', 'broken', 'slow'].map((key) =>
    reputation.distrustMs(key, 0)
  )
  assert.ok(liar! > broken! && broken! > slow! && slow! > 0)
  assert.equal(reputation.distrustMs('honest', 0), 0)
})

test('faults add up, are told in words, and fade to nothing', () => {
  const reputation = new Reputation()
  reputation.add('w', 'lied', 0)
  reputation.add('w', 'lied', MINUTE)
  reputation.add('w', 'slow', 2 * MINUTE)
  const now = 5 * MINUTE
  assert.equal(reputation.standing('w', now)!.reason, 'lied 2 times, slow once; the last 3 min ago')
  const later = reputation.distrustMs('w', 12 * MINUTE)
  assert.ok(Math.abs(later * 2 - reputation.distrustMs('w', 2 * MINUTE)) < 1, 'half in ten minutes')
  assert.equal(reputation.standing('w', 120 * MINUTE), null)
  reputation.add('w', 'slow', 120 * MINUTE)
  assert.equal(reputation.standing('w', 120 * MINUTE)!.reason, 'slow once; the last 0 s ago')
})

test('no number of faults weighs without end', () => {
  const reputation = new Reputation()
  for (let i = 0; i < 10_000; i++) reputation.add('w', 'lied', 0)
  assert.ok(reputation.distrustMs('w', 0) < 60_000)
})
