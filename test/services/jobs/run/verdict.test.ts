import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HaifError, type ErrorCode } from '#shared/errors.ts'
import { afterFailure, afterLoss, verdictOf } from '../../../../services/jobs/run/verdict.ts'

const task = (failures: number, losses = 0) => ({ failures, losses, attempts_max: 3 })

test('failures are told apart by their code', () => {
  const verdict = (code: ErrorCode) => verdictOf(new HaifError(code, ''))
  assert.equal(verdict('VALIDATION_FAILED'), 'final')
  assert.equal(verdict('MODEL_NOT_FOUND'), 'later')
  assert.equal(verdict('WORKER_LOST'), 'retry')
  assert.equal(verdict('DEADLINE_EXCEEDED'), 'retry')
  assert.equal(verdictOf(new TypeError('a bug')), 'retry')
})

test('J4: a peer that is lost on the way is not the fault of the task, a worker may be', () => {
  assert.equal(verdictOf(new HaifError('PEER_LOST', 'a gateway has gone')), 'lost')
  assert.equal(verdictOf(new HaifError('WORKER_LOST', 'a worker has gone')), 'retry')
})

test('J9: the last attempt is the last, whatever it was, and the waits before it double', () => {
  const waits = [0, 1].map((failures) => afterFailure(task(failures), 'retry', 1).delayMs)
  assert.deepEqual(waits, [1000, 2000])
  assert.equal(afterFailure(task(1), 'retry', 0).delayMs, 1000)
  assert.equal(afterFailure(task(2), 'retry', 0).dead, true)
  assert.equal(afterFailure(task(0), 'final', 0).dead, true)
})

test('J9: a task may lose its owner a few times, and not for ever', () => {
  assert.deepEqual(afterLoss(task(2, 0), 0), { dead: false, delayMs: 0 })
  assert.equal(afterLoss(task(0, 18), 0).dead, false)
  assert.equal(afterLoss(task(0, 19), 0).dead, true)
})
