import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CLOSED,
  mayAttempt,
  onAttempt,
  onFailure,
  onSuccess,
  type Breaker
} from '../../../../services/orchestrator/workers/breaker.ts'

const failTimes = (times: number, now = 0): Breaker => {
  let breaker: Breaker = CLOSED
  for (let i = 0; i < times; i++) breaker = onFailure(onAttempt(breaker), now)
  return breaker
}

test('it opens after three failures in a row, and a success in between starts the count anew', () => {
  assert.ok(mayAttempt(failTimes(2), 0))
  assert.equal(mayAttempt(failTimes(3), 0), false)
  assert.deepEqual(onSuccess(), CLOSED)
})

test('after its time it lets one attempt through on trial', () => {
  const open = failTimes(3)
  assert.equal(mayAttempt(open, 999), false)
  assert.ok(mayAttempt(open, 1000))
  const trial = onAttempt(open)
  assert.equal(trial.kind, 'trial')
  assert.equal(mayAttempt(trial, 5000), false)
  assert.ok(mayAttempt(onSuccess(), 5000))
})

test('a failed trial opens it for twice as long, up to a bound', () => {
  let breaker = failTimes(3)
  const opened: number[] = []
  for (let i = 0; i < 8; i++) {
    breaker = onFailure(onAttempt(breaker), 0)
    if (breaker.kind === 'open') opened.push(breaker.until)
  }
  assert.deepEqual(opened, [2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000])
})
