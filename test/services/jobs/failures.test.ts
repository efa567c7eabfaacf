/** Bad ends of tasks and workers that do not keep to the rules, on one mesh with one database. */
import assert from 'node:assert/strict'
import { after, test, type TestContext } from 'node:test'
import { changeJob, getJob, listDeadLetters } from '#shared/contracts/jobs/methods.ts'
import type { GraphTask } from '#shared/contracts/jobs/graph.ts'
import type { JobAct } from '#shared/contracts/jobs/methods.ts'
import { offerTasks, runTask, type TaskResult } from '#shared/contracts/jobs/task-run.ts'
import { Router } from '#shared/rpc/router.ts'
import { Notices } from '../../../services/jobs/events/notices.ts'
import { settle, type Report } from '../../../services/jobs/run/settle.ts'
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
import { contextFor, linkBetween, Shared, startPeer } from '../../helpers/peers/peers.ts'
import { startEmbeddedStore } from '../../helpers/stores/embedded-store.ts'
import { until } from '../../helpers/until.ts'

const POLICY = `
tenant_quotas:
  narrow: { max_running_tasks: 1 }
  single: { max_running_jobs: 1 }
rules:
  - name: stays-here
    effect: deny
    match: { data_classification: secret, worker_locality: '!here' }
`

const shared = new Shared()
after(() => shared.end())

const started = shared.once(async (scope) => {
  const { store } = await startEmbeddedStore(scope)
  const mesh = await startJobsMesh(scope, { stores: [store], policy: POLICY })
  const seen = nothingSeen()
  const { mesh: worker } = await mesh.addWorker([toolKind(seen)], { labels: { plain: 'yes' } })
  return { mesh, store, seen, worker, link: await mesh.link() }
})

const labelled = (name: string) => ({ labels: { [name]: 'yes' } })
const only = (name: string) => ({ constraints: labelled(name) })

/** A submission and its tasks, in a test of its own. */
async function act(t: TestContext) {
  const all = await started()
  const context = contextFor(t)
  // Unless a task says where, it runs on the worker that tells what it sees.
  const plain = (task: GraphTask) =>
    task.constraints === undefined ? { ...task, ...only('plain') } : task
  const start = async (tasks: GraphTask[], tenant?: string) =>
    submit(all.link, { tasks: tasks.map(plain) }, context, tenant)
  const change = async (jobId: string, what: JobAct) =>
    all.link.call(changeJob, { jobId, act: what }, context)
  const states = async (jobId: string) => statesOf(all.link, jobId, context)
  const tasks = async (jobId: string) => tasksOf(all.link, jobId, context)
  const ended = async (jobId: string) => jobEnd(all.link, jobId, context)
  return { ...all, context, start, change, states, tasks, ended }
}

test('an attempt that takes too long is aborted, and fails as such', async (t) => {
  const { start, ended, tasks, seen, link, context } = await act(t)
  const slow = toolTask('t1', 'too slow', { ms: 60_000, timeoutMs: 1000, retries: 0 })
  const jobId = await start([slow])
  await ended(jobId)
  assert.ok(!seen.running.has('"too slow"'))
  const [task] = await tasks(jobId)
  assert.deepEqual([task?.status, task?.errorCode], ['Failed', 'DEADLINE_EXCEEDED'])
  const dead = await link.call(listDeadLetters, { jobId }, context)
  assert.equal(dead.tasks[0]?.reason, 'DEADLINE_EXCEEDED')
})

test('a failed job that is resumed keeps its results, and runs what has failed', async (t) => {
  const { start, ended, states, change, seen, context, link } = await act(t)
  seen.refused.add('"at first"')
  const jobId = await start([
    toolTask('kept', 'kept result'),
    toolTask('fails', 'at first', { dependencies: ['kept'] }),
    toolTask('last', 'last', { dependencies: ['fails'] })
  ])
  await ended(jobId)
  assert.deepEqual(await states(jobId), ['Completed', 'Failed', 'Canceled'])
  assert.equal((await link.call(getJob, { jobId }, context)).error?.taskId, 'fails')
  seen.refused.clear()
  assert.equal((await change(jobId, 'resume')).status, 'Running')
  await ended(jobId)
  assert.deepEqual(await states(jobId), ['Completed', 'Completed', 'Completed'])
  assert.equal(seen.begun.get('"kept result"'), 1)
  const job = await link.call(getJob, { jobId }, context)
  assert.deepEqual([job.status, job.error], ['Completed', undefined])
  await assert.rejects(change(jobId, 'resume'), { code: 'CONFLICT' })
})

/** A worker that does with tasks whatever a test wants. */
async function scripted(
  t: TestContext,
  name: string,
  answer: (signal: AbortSignal) => Promise<unknown>
) {
  const { mesh } = await started()
  const router = new Router().serve(runTask, async function* (_asked, { signal }) {
    yield* []
    return (await answer(signal)) as TaskResult
  })
  const peer = await startPeer(t, mesh.mesh.topicKey, { role: 'worker', router })
  peer.follow('jobs')
  const link = await linkBetween(peer, mesh.services[0]!)
  const offer = { types: ['tool_execution' as const], places: 2, gpu: false, models: [] }
  await link.call(offerTasks, { ...offer, ...labelled(name) }, contextFor(t))
}

test('J10: a cancel ends a job whatever its tasks are about', async (t) => {
  const { start, change, states, seen, store } = await act(t)
  const aborted = Promise.withResolvers<void>()
  await scripted(t, 'silent', (signal) => {
    signal.addEventListener('abort', () => aborted.resolve(), { once: true })
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    })
  })
  const jobId = await start([
    toolTask('runs', 'cancel me', { ms: 60_000 }),
    toolTask('assigned', null, only('silent')),
    toolTask('ready', null, only('nobody')),
    toolTask('waits', null, { dependencies: ['runs'] }),
    toolTask('done', 'before')
  ])
  const before = ['Running', 'Assigned', 'Queued', 'Queued', 'Completed']
  await until(async () => (await states(jobId)).join() === before.join())
  await change(jobId, 'cancel')
  const gone = ['Canceled', 'Canceled', 'Canceled', 'Canceled', 'Completed']
  assert.deepEqual(await states(jobId), gone)
  await until(() => !seen.running.has('"cancel me"'))
  await aborted.promise
  const attempts = await store.query(
    'select task_id, outcome from task_attempts where job_id = $1 order by task_id',
    [jobId]
  )
  assert.deepEqual(attempts, [
    { task_id: 'assigned', outcome: 'canceled' },
    { task_id: 'done', outcome: 'completed' },
    { task_id: 'runs', outcome: 'canceled' }
  ])
  assert.deepEqual(await states(jobId), gone)
})

const FORGED: [string, unknown][] = [
  ['is no result', { nothing: true }],
  ['has usage below zero', { output: 1, usage: { promptTokens: -5 } }],
  ['has an artifact with a path as its name', artifactNamed('../../etc/passwd')],
  ['has too many artifacts', { output: 1, artifacts: Array(99).fill(artifactOf('a')) }]
]

function artifactNamed(name: string) {
  return { output: 1, artifacts: [artifactOf(name)] }
}

function artifactOf(name: string) {
  return { name, sha256: 'a'.repeat(64), bytes: 1 }
}

test('J6: what a worker makes up is its failure, and nothing of it is kept', async (t) => {
  const { start, ended, tasks, store } = await act(t)
  const answers = FORGED.map(([, answer]) => answer)
  await scripted(t, 'forger', async () => answers.shift())
  for (const [what] of FORGED) {
    const jobId = await start([toolTask('t1', null, { ...only('forger'), retries: 0 })])
    await ended(jobId)
    const [task] = await tasks(jobId)
    assert.deepEqual([task?.status, task?.output], ['Failed', undefined], what)
    const kept = await store.query('select name from artifacts where job_id = $1', [jobId])
    assert.deepEqual(kept, [], what)
  }
})

test('J1, J6: a report that is late, repeated or not its own changes nothing', async (t) => {
  const { start, states, store, ended, mesh, tasks } = await act(t)
  const jobId = await start([toolTask('t1', 'real', only('later')), toolTask('t2')])
  const [lane] = await store.query<{ tenant_id: string; needs_key: string }>(
    `select tenant_id, needs_key from tasks where job_id = $1 and task_id = 't1'`,
    [jobId]
  )
  const claims = [{ ...lane!, places: 1 }]
  const reported = async (owner: string, attempt: number, more: Partial<Report['of']> = {}) => {
    const notices = new Notices({ store, owner, now: () => 0 })
    const said = { output: '"forged"', artifacts: null, model: null, worker: 'w' }
    const usage = { prompt_tokens: 0, completion_tokens: 0 }
    const of = { job_id: jobId, task_id: 't1', attempt, ...said, ...usage, ...more }
    const report = { kind: 'completed', of } as Report
    return (await settle({ store, notices, owner }, [report])).moved.length
  }
  await claimTasks(store, { owner: 'lost', leaseMs: 60_000 }, claims)
  assert.equal(await reported('somebody else', 1), 0)
  assert.equal(await reported('lost', 2), 0) // an attempt that there never was
  assert.equal(await reported('lost', 1, { task_id: 't2' }), 0) // another's task
  await store.query(`update tasks set leased_until = now() - interval '1 s' where owner = 'lost'`)
  await until(async () => (await states(jobId))[0] === 'Queued')
  assert.equal(await reported('lost', 1), 0) // late
  await mesh.addWorker([toolKind()], labelled('later'))
  await ended(jobId)
  assert.equal(await reported('lost', 2), 0) // when it is over
  assert.deepEqual((await tasks(jobId))[0]?.output, { json: 'real' })
})

test('J11: a task for a GPU waits for one, and says so', async (t) => {
  const { start, tasks, change } = await act(t)
  const jobId = await start([toolTask('t1', null, { constraints: { gpu: true } })])
  const [task] = await tasks(jobId)
  assert.deepEqual([task?.status, task?.waitingFor], ['Queued', 'a worker with a GPU'])
  await change(jobId, 'cancel')
})

test('J11: a worker that the policy denies is passed over for another', async (t) => {
  const { link, context, tasks, ended, mesh, worker } = await act(t)
  const job = { tasks: [toolTask('t1', 'secret')], dataClassification: 'secret' }
  const jobId = await submit(link, job, context)
  assert.match((await tasks(jobId))[0]?.waitingFor ?? '', /stays-here/)
  const { mesh: here } = await mesh.addWorker([toolKind()], { region: 'here' })
  await ended(jobId)
  const [task] = await tasks(jobId)
  assert.deepEqual([task?.status, task?.workerId], ['Completed', here.key])
  assert.notEqual(here.key, worker.key)
})

test('a task goes to the worker that has made its inputs, though another has more room', async (t) => {
  const { start, tasks, ended, mesh } = await act(t)
  const { mesh: small } = await mesh.addWorker([toolKind()], { ...labelled('near'), places: 1 })
  await mesh.addWorker([toolKind()], { ...labelled('near'), places: 9 })
  const { labels } = labelled('near')
  const jobId = await start([
    toolTask('first', 'made here', { constraints: { labels, workers: [small.key] } }),
    toolTask('then', null, { ...only('near'), dependencies: ['first'] })
  ])
  await ended(jobId)
  const workers = (await tasks(jobId)).map(({ workerId }) => workerId)
  assert.deepEqual(workers, [small.key, small.key])
})

test('J13: quotas of running tasks and jobs hold, and what waits for them runs', async (t) => {
  const { start, states, ended, seen, link, context, change } = await act(t)
  const three = ['t1', 't2', 't3'].map((id) => toolTask(id, `narrow ${id}`, { ms: 40 }))
  let most = 0
  const watched = setInterval(() => {
    most = Math.max(most, [...seen.running].filter((name) => name.includes('narrow')).length)
  }, 5)
  await ended(await start(three, 'narrow'))
  clearInterval(watched)
  assert.equal(most, 1)
  const first = await start([toolTask('t1', 'first', { ms: 60_000 })], 'single')
  await until(() => seen.running.has('"first"'))
  const second = await start([toolTask('t1', 'second')], 'single')
  const { message } = await link.call(getJob, { jobId: second }, context)
  assert.match(message ?? '', /fewer jobs/)
  assert.deepEqual(await states(second), ['Queued'])
  await change(first, 'cancel')
  await ended(second)
  assert.deepEqual(await states(second), ['Completed'])
})

test('what the database has kept of all this holds together', async (t) => {
  const { store } = await act(t)
  assert.deepEqual(await problemsIn(store), [])
})
