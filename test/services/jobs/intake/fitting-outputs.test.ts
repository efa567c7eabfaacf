/** A reply never grows over what a message holds, however much tasks have put out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TaskView } from '#shared/contracts/jobs/views.ts'
import { fittingOutputs } from '../../../../services/jobs/intake/fitting-outputs.ts'

test('outputs beyond 2 MiB are named, and the tasks are all there', () => {
  const tasks = Array.from({ length: 100 }, (_, n): TaskView => {
    const times = { createdAt: 0, updatedAt: 0 }
    const state = { status: 'Completed' as const, dependencies: [], attempt: 1, maxAttempts: 3 }
    return { taskId: `t${n}`, type: 'aggregation', ...state, ...times, output: 'x'.repeat(60_000) }
  })
  const shown = fittingOutputs('job-1', tasks)
  assert.equal(shown.length, 100)
  assert.ok(Buffer.byteLength(JSON.stringify(shown)) < 3_000_000)
  assert.deepEqual(shown[0], tasks[0])
  assert.equal(shown[99]?.outputArtifactUri, 'artifact://job-1/t99/output.json')
  assert.equal(shown[99]?.output, undefined)
})
