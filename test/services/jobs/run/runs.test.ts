/** What is reported of a run that a peer on the way has ended. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HaifError, type ErrorCode } from '#shared/errors.ts'
import { failed } from '../../../../services/jobs/run/runs.ts'
import type { TaskRow } from '../../../../services/jobs/store/rows.ts'

const task = (more: Partial<TaskRow> = {}) =>
  ({
    job_id: 'j',
    task_id: 't',
    attempt: 1,
    failures: 0,
    losses: 0,
    attempts_max: 1,
    ...more
  }) as TaskRow

const reported = (code: ErrorCode, more: Partial<TaskRow> = {}) => {
  const report = failed(task(more), 'mesh', new HaifError(code, 'it has gone'), 0)
  assert.equal(report.kind, 'ended')
  const { outcome, failures, losses, dead } = report.of
  return { outcome, failures, losses, dead }
}

test('J4: a gateway that is lost in the middle of an answer costs no attempt', () => {
  const lost = { outcome: 'lost', failures: 0, losses: 1 }
  assert.deepEqual(reported('PEER_LOST'), { ...lost, dead: false })
  assert.deepEqual(reported('PEER_LOST', { losses: 19 }), { ...lost, dead: true }) // J9
})

test('J4: a worker that is lost costs one, and a full one costs none', () => {
  const counted = { failures: 1, losses: 0 }
  assert.deepEqual(reported('WORKER_LOST'), { ...counted, outcome: 'failed', dead: true })
  const more = { attempts_max: 2 }
  assert.deepEqual(reported('WORKER_LOST', more), { ...counted, outcome: 'failed', dead: false })
  const given = { outcome: 'returned', failures: 0, losses: 0, dead: false }
  assert.deepEqual(reported('WORKER_OVERLOADED'), given)
})
