/** What must hold while workers, services and the database come and go: two services, Postgres. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { listDeadLetters } from '#shared/contracts/jobs/methods.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { Store } from '#shared/store/store.ts'
import { claimTasks } from '../../../services/jobs/store/attempts/claim-tasks.ts'
import { problemsIn } from '../../helpers/jobs/history.ts'
import { startJobsMesh } from '../../helpers/jobs/jobs-mesh.ts'
import {
  jobEnd,
  nothingSeen,
  statesOf,
  submit,
  tasksOf,
  toolKind,
  toolTask
} from '../../helpers/jobs/tools.ts'
import { contextFor, Shared } from '../../helpers/peers/peers.ts'
import { testPostgres } from '../../helpers/stores/postgres.ts'
import { openStore, startPostgresStore } from '../../helpers/stores/stores.ts'
import { until } from '../../helpers/until.ts'

const shared = new Shared()
after(() => shared.end())

/** Two services over one database, and no worker: each test brings its own. */
const started = shared.once(async (scope) => {
  const { store, url } = await startPostgresStore(scope)
  const other = await openStore(scope, url)
  const mesh = await startJobsMesh(scope, { stores: [store, other] })
  return { mesh, store, link: await mesh.link(0), otherLink: await mesh.link(1) }
})

const attemptsOf = (store: Store, jobId: string) =>
  store.query<{ task_id: string; attempt: number; outcome: string; error_code: string | null }>(
    `select task_id, attempt, outcome, error_code from task_attempts where job_id = $1
     order by task_id, attempt`,
    [jobId]
  )

/** Where one test's worker must not run another test's task. */
const only = (test: string) => ({ constraints: { labels: { test } } })
const labelled = (test: string) => ({ labels: { test } })

test('J1, J2: two services run many tasks, and take the result of each once', async (t) => {
  const { mesh, store, link, otherLink } = await started()
  const context = contextFor(t)
  const seen = nothingSeen()
  const { worker } = await mesh.addWorker([toolKind(seen)], labelled('many'))
  const jobs = await Promise.all(
    Array.from({ length: 12 }, async (_, nth) => {
      const own: PeerLink = nth % 2 === 0 ? link : otherLink
      const tasks = Array.from({ length: 5 }, (_, i) =>
        toolTask(`t${i}`, [nth, i], { ...only('many'), dependencies: i === 0 ? [] : ['t0'] })
      )
      return submit(own, { tasks }, context)
    })
  )
  await Promise.all(jobs.map(async (jobId) => jobEnd(otherLink, jobId, context)))
  assert.equal(seen.begun.size, 60)
  for (const jobId of jobs) {
    const outcomes = (await attemptsOf(store, jobId)).map(({ outcome }) => outcome)
    assert.deepEqual(outcomes.filter((each) => each === 'completed').length, 5)
  }
  await worker.stop()
})

test('J4: the task of a worker that is lost runs again on another one', async (t) => {
  const { mesh, store, link } = await started()
  const context = contextFor(t)
  const seen = nothingSeen()
  const first = await mesh.addWorker([toolKind(seen)], labelled('lost'))
  const tasks = [toolTask('t1', 'lost', { ...only('lost'), ms: 60_000 })]
  const jobId = await submit(link, { tasks }, context)
  await until(() => seen.running.has('"lost"'))
  const fast = toolKind({ ...seen, begun: new Map() })
  await mesh.addWorker([fastened(fast)], labelled('lost'))
  for (const each of first.mesh.links('jobs')) each.close('killed')
  await first.mesh.stop()
  await jobEnd(link, jobId, context)
  const attempts = await attemptsOf(store, jobId)
  assert.deepEqual(
    attempts.map(({ outcome, error_code }) => [outcome, error_code]),
    [
      ['failed', 'WORKER_LOST'],
      ['completed', null]
    ]
  )
})

/** The same tool, in no time. */
function fastened(kind: ReturnType<typeof toolKind>): ReturnType<typeof toolKind> {
  return {
    type: kind.type,
    run(given, context) {
      const { command } = given as { command: string[] }
      return kind.run({ command: [command[0]!] }, context)
    }
  }
}

test('J3: a lease that its owner does not renew runs out, and a late word changes nothing', async (t) => {
  const { mesh, store, link } = await started()
  const context = contextFor(t)
  const jobId = await submit(link, { tasks: [toolTask('t1', 'ghost', only('ghost'))] }, context)
  const [lane] = await store.query<{ tenant_id: string; needs_key: string }>(
    'select tenant_id, needs_key from tasks where job_id = $1',
    [jobId]
  )
  const ghost = { owner: 'ghost', leaseMs: 300 }
  const claimed = await claimTasks(store, ghost, [{ ...lane!, places: 5 }])
  assert.equal(claimed.length, 1)
  await mesh.addWorker([toolKind()], labelled('ghost'))
  await jobEnd(link, jobId, context)
  const attempts = await attemptsOf(store, jobId)
  assert.deepEqual(
    attempts.map(({ attempt, outcome }) => [attempt, outcome]),
    [
      [1, 'lost'],
      [2, 'completed']
    ]
  )
})

test('J9: a task that ends its worker each time is a dead letter, and the next one runs', async (t) => {
  const { mesh, store, link } = await started()
  const context = contextFor(t)
  const deadly = (name: string) => {
    if (name === '"poison"') for (const each of victim.mesh.links('jobs')) each.close('killed')
  }
  const victim = await mesh.addWorker([toolKind(nothingSeen(), deadly)], labelled('poison'))
  const tasks = [
    toolTask('t1', 'poison', { ...only('poison'), retries: 1 }),
    toolTask('t2', 'fine', only('poison'))
  ]
  const jobId = await submit(link, { tasks }, context)
  await jobEnd(link, jobId, context)
  assert.deepEqual(await statesOf(link, jobId, context), ['Failed', 'Completed'])
  const { tasks: dead } = await link.call(listDeadLetters, { jobId }, context)
  const [{ reason, attempts, lastWorker, firstAttemptAt, lastAttemptAt } = { reason: '' }] = dead
  assert.deepEqual([dead.length, reason, attempts], [1, 'WORKER_LOST', 2])
  assert.equal(lastWorker, victim.mesh.key)
  assert.ok(firstAttemptAt! < lastAttemptAt!)
  const ofT1 = (await attemptsOf(store, jobId)).filter(({ task_id }) => task_id === 't1')
  assert.deepEqual(new Set(ofT1.map(({ error_code }) => error_code)), new Set(['WORKER_LOST']))
})

test('J14: an interactive task takes the place of a batch task, which runs again', async (t) => {
  const { mesh, store, link } = await started()
  const context = contextFor(t)
  const seen = nothingSeen()
  await mesh.addWorker([toolKind(seen)], { ...labelled('place'), places: 1 })
  const slow = [toolTask('t1', 'slow', { ...only('place'), ms: 1500 })]
  const batch = await submit(link, { priority: 'batch', tasks: slow }, context)
  await until(() => seen.running.has('"slow"'))
  const quick = [toolTask('t1', 'quick', only('place'))]
  const interactive = await submit(link, { priority: 'interactive', tasks: quick }, context)
  await jobEnd(link, interactive, context)
  assert.notDeepEqual(await statesOf(link, batch, context), ['Completed'])
  await jobEnd(link, batch, context)
  const outcomes = (await attemptsOf(store, batch)).map(({ outcome }) => outcome)
  assert.deepEqual([outcomes[0], outcomes.at(-1)], ['returned', 'completed'])
})

test('J16: results that come while Postgres is away are stored when it is back', async (t) => {
  const { mesh, store, link } = await started()
  const context = contextFor(t)
  const seen = nothingSeen()
  await mesh.addWorker([toolKind(seen)], labelled('away'))
  const tasks = [
    toolTask('t1', 'while', { ...only('away'), ms: 1000 }),
    toolTask('t2', 'after', { ...only('away'), dependencies: ['t1'] })
  ]
  const jobId = await submit(link, { tasks }, context)
  await until(() => seen.running.has('"while"'))
  const postgres = await testPostgres()
  await postgres.stop('SIGQUIT')
  await until(() => !seen.running.has('"while"'))
  await postgres.start()
  await until(async () => (await statesOf(link, jobId, context).catch(() => []))[1] === 'Completed')
  assert.equal(seen.begun.get('"while"'), 1)
  const shown = await tasksOf(link, jobId, context)
  assert.deepEqual(shown[0]?.output, { json: 'while' })
  assert.equal((await attemptsOf(store, jobId)).length, 2)
})

test('what the database has kept of all this holds together', async () => {
  const { store } = await started()
  assert.deepEqual(await problemsIn(store), [])
})
