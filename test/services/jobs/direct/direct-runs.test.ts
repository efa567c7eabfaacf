/** J19: what is written of a run whose caller waits, and when. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HaifError } from '#shared/errors.ts'
import type { Store } from '#shared/store/store.ts'
import { DirectRuns } from '../../../../services/jobs/direct/direct-runs.ts'
import type { Report, Settled } from '../../../../services/jobs/run/settle.ts'
import type { NewJob, NewTask } from '../../../../services/jobs/store/jobs/insert-job.ts'
import type { ClaimedTask } from '../../../../services/jobs/store/rows.ts'
import { until } from '../../../helpers/until.ts'

const job = {
  job_id: 'job-1',
  tenant_id: 'a',
  token_id: null,
  type: 'function',
  submitted: '{}',
  subject: null,
  traceparent: null,
  held: false
} as NewJob
const task = { task_id: 'run', type: 'function', dependencies: [], needs: '{}' } as never as NewTask
const name = { job_id: 'job-1', task_id: 'run', attempt: 1, worker: 'w' }
const begun: Report = { kind: 'begun', of: name }
const completed = {
  kind: 'completed',
  of: {
    ...name,
    output: '{"value":3}',
    artifacts: null,
    model: null,
    prompt_tokens: 0,
    completion_tokens: 0
  }
} as const satisfies Report

function setUp(storedAfterMs: number, query: () => Promise<object[]> = async () => [{}]) {
  const seen = {
    statements: [] as string[],
    reports: [] as Report[],
    written: [] as Settled[],
    fenced: [] as string[],
    started: [] as ClaimedTask[]
  }
  const runs = new DirectRuns({
    store: {
      query: (sql: string) => {
        seen.statements.push(/insert into task_attempts/.test(sql) ? 'ended' : 'claimed')
        return query()
      }
    } as never as Store,
    report: (report) => seen.reports.push(report),
    onWritten: (settled) => seen.written.push(settled),
    fence: (names) => seen.fenced.push(...names.map(({ job_id }) => job_id)),
    storedAfterMs
  })
  const start = () =>
    runs.start(job, task, {
      owner: 'me',
      leaseMs: 1000,
      grants: [],
      start: (claimed) => seen.started.push(...claimed),
      release: () => {}
    })
  return { runs, seen, start }
}

const NEVER_MS = 600_000

test('a run that ends soon is one statement, with its events as if they had come apart', async () => {
  const { runs, seen, start } = setUp(NEVER_MS)
  const ended = start()
  assert.equal(seen.started[0]?.attempt, 1) // it runs, and is in no row
  assert.equal(runs.has('job-1'), true)
  assert.equal(runs.take(begun), true)
  assert.equal(runs.take(completed), true)
  const rows = await ended
  assert.deepEqual(
    rows?.events.map(({ id, event, data }) => [id, event, (data as { status: string }).status]),
    [
      [1, 'task.update', 'Running'],
      [2, 'job.status', 'Running'],
      [3, 'task.update', 'Completed'],
      [4, 'job.completed', 'Completed']
    ]
  )
  assert.deepEqual([rows.job.completed, rows.job.events, rows.task.output], [1, 4, '{"value":3}'])
  assert.deepEqual([seen.statements, seen.reports, seen.fenced], [['ended'], [], []])
  assert.equal(seen.written[0]?.jobs[0]?.status, 'Completed')
  assert.equal(runs.has('job-1'), false)
})

test('one that takes longer is stored as claimed, and no report of it is lost', async () => {
  const stored = Promise.withResolvers<object[]>()
  const { runs, seen, start } = setUp(0, () => stored.promise)
  const ended = start()
  runs.take(begun)
  await until(() => seen.statements.length === 1)
  assert.equal(runs.take(completed), true) // while it is being stored
  assert.deepEqual([seen.statements, seen.reports], [['claimed'], []])
  stored.resolve([{}])
  assert.equal(await ended, null)
  assert.deepEqual(seen.reports, [begun, completed])
  assert.equal(runs.take(completed), false)
})

test('what fails, is given back, or leaves artifacts is an attempt like any other', async () => {
  const failed = { ...name, outcome: 'failed', dead: true } as never
  const artifacts = '[{"name":"a","sha256":"b","bytes":1}]'
  const ends: Report[] = [
    { kind: 'ended', of: failed },
    { kind: 'completed', of: { ...completed.of, artifacts } }
  ]
  for (const end of ends) {
    const { runs, seen, start } = setUp(NEVER_MS)
    const ended = start()
    runs.take(begun)
    runs.take(end)
    await runs.stop() // a service that stops waits for what is written
    assert.equal(await ended, null)
    assert.deepEqual([seen.statements, seen.reports], [['claimed'], [begun, end]])
  }
})

test('J16: while the database is away nothing of it counts, and its process is ended', async () => {
  const away = new HaifError('STORE_UNAVAILABLE', 'away')
  const { runs, seen, start } = setUp(0, () => Promise.reject(away))
  await assert.rejects(start(), { code: 'STORE_UNAVAILABLE' })
  assert.deepEqual([seen.fenced, seen.reports, runs.has('job-1')], [['job-1'], [], false])
})
