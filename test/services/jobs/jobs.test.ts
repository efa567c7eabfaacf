import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  changeJob,
  getJob,
  listDeadLetters,
  listTasks,
  requeueDeadLetters,
  submitJob,
  watchJob
} from '#shared/contracts/jobs/methods.ts'
import { Live } from '../../../services/jobs/events/live.ts'
import { watch } from '../../../services/jobs/events/watch.ts'
import { contextFor, Shared } from '../../helpers/peers/peers.ts'
import {
  jobEnd,
  nothingSeen,
  statesOf,
  submit,
  tasksOf,
  toolKind,
  toolTask
} from '../../helpers/jobs/tools.ts'
import { until } from '../../helpers/until.ts'
import { startEmbeddedStore } from '../../helpers/stores/embedded-store.ts'
import { startJobsMesh } from '../../helpers/jobs/jobs-mesh.ts'

const shared = new Shared()
after(() => shared.end())

const started = shared.once(async (scope) => {
  const { store } = await startEmbeddedStore(scope)
  const mesh = await startJobsMesh(scope, { stores: [store] })
  const seen = nothingSeen()
  await mesh.addWorker([toolKind(seen)])
  return { mesh, store, seen, link: await mesh.link() }
})

test('outputs flow from task to task, a map runs once for each part, and all is told', async (t) => {
  const { mesh, seen, link } = await started()
  const context = contextFor(t)
  // Nothing begins before there is a reader: its worker comes when the snapshot was read.
  const labels = { reader: 'there' }
  const joined = { command: [{ $concat: ['"', { $from: 'item' }, { $from: 'job.input' }, '"'] }] }
  const tasks = [
    toolTask('t1', null, {
      input: { command: ['["a","c"]'], stdin: 'said' },
      constraints: { labels }
    }),
    toolTask('t2', null, { map: { $from: 't1.json' }, input: joined, dependencies: ['t1'] }),
    toolTask('t3', 'no\u0000text', { dependencies: ['t2'] })
  ]
  const asked = { tenant: 'a', idempotencyKey: 'k', job: { input: '!', tasks } }
  const { jobId } = await link.call(submitJob, asked, context)
  assert.equal((await link.call(submitJob, asked, context)).jobId, jobId)
  const events: string[] = []
  for await (const { event, data } of link.stream(watchJob, { jobId }, context)) {
    if (events.length === 0) await mesh.addWorker([toolKind(seen)], { labels })
    const { taskId, status, text } = data as { taskId?: string; status?: string; text?: string }
    events.push([event, taskId, status, text].filter((each) => each !== undefined).join(' '))
  }
  assert.equal(events[0], 'job.snapshot')
  const shown = JSON.stringify((await link.call(listTasks, { jobId, query: {} }, context)).tasks)
  assert.equal(events.at(-1), 'job.completed Completed', shown)
  for (const told of ['task.output t1 said', 'task.update t2.1 Completed', 'job.status Running']) {
    assert.ok(events.includes(told), `${told} of ${events.join(', ')}`)
  }
  const page = await link.call(listTasks, { jobId, query: {} }, context)
  assert.deepEqual(page.tasks.find(({ taskId }) => taskId === 't2')?.output, [
    { json: 'a!' },
    { json: 'c!' }
  ])
  const counted = { queued: 0, running: 0, failed: 0, canceled: 0 }
  const job = await link.call(getJob, { tenant: 'a', jobId }, context)
  assert.deepEqual(job.tasks, { ...counted, total: 5, completed: 5 })
})

test('a reader that comes late to what has happened is told of the end last', async (t) => {
  const { store, link } = await started()
  const context = contextFor(t)
  const tasks = [toolTask('t1')]
  const { jobId } = await link.call(submitJob, { tenant: 'a', job: { tasks } }, context)
  await jobEnd(link, jobId, context)
  const live = new Live()
  const deps = { store, live, whyWaiting: () => undefined }
  const told: string[] = []
  for await (const { event } of watch(deps, { jobId, after: 0 }, context)) {
    if (told.length === 0) live.text({ jobId, taskId: 't1', attempt: 1, offset: 0, text: 'said' })
    told.push(event)
  }
  assert.deepEqual(told.slice(-2), ['task.output', 'job.completed'], told.join(', '))
})

test('what finds a place is stored as claimed, and what finds none waits its turn', async (t) => {
  const { mesh, store, seen, link } = await started()
  const context = contextFor(t)
  const labels = { place: 'one' }
  await mesh.addWorker([toolKind(seen)], { labels, places: 1 })
  const statements: string[] = []
  const query = store.query.bind(store)
  t.mock.method(store, 'query', (...asked: Parameters<typeof query>) => {
    statements.push(asked[0])
    return query(...asked)
  })
  // A look that is under way may find the job first: then the next one is stored as claimed.
  await until(async () => {
    statements.length = 0
    const tasks = [toolTask('t1', 'alone', { constraints: { labels } })]
    await jobEnd(link, await submit(link, { tasks }, context), context)
    return !statements.some((sql) => sql.includes('skip locked'))
  })
  const two = ['t1', 't2'].map((id) => toolTask(id, id, { constraints: { labels } }))
  const jobId = await submit(link, { tasks: two }, context)
  await jobEnd(link, jobId, context)
  const attempts = (await tasksOf(link, jobId, context)).map(({ attempt }) => attempt)
  assert.deepEqual(attempts, [1, 1])
})

test('J18: a job of another tenant is unknown', async (t) => {
  const { link } = await started()
  const context = contextFor(t)
  const { jobId } = await link.call(
    submitJob,
    { tenant: 'a', job: { tasks: [toolTask('t1')] } },
    context
  )
  const foreign = { tenant: 'b', jobId }
  const unknown = { code: 'NOT_FOUND' }
  await assert.rejects(link.call(getJob, foreign, context), unknown)
  await assert.rejects(link.call(listTasks, { ...foreign, query: {} }, context), unknown)
  await assert.rejects(link.call(changeJob, { ...foreign, act: 'cancel' }, context), unknown)
  await assert.rejects(link.stream(watchJob, foreign, context).next(), unknown)
})

test('J17: another body under the same key is refused', async (t) => {
  const { link } = await started()
  const context = contextFor(t)
  const asked = { tenant: 'a', idempotencyKey: 'j17', job: { tasks: [toolTask('t1')] } }
  await link.call(submitJob, asked, context)
  const other = { ...asked, job: { tasks: [toolTask('t2')] } }
  await assert.rejects(link.call(submitJob, other, context), { code: 'CONFLICT' })
  assert.ok(await link.call(submitJob, { ...other, tenant: 'b' }, context))
})

test('J10: a cancel reaches what runs, and what waits never runs', async (t) => {
  const { link, seen } = await started()
  const context = contextFor(t)
  const slow = { command: ['"slow"', '60000'] }
  const tasks = [
    toolTask('t1', null, { input: slow }),
    toolTask('t2', null, { dependencies: ['t1'] })
  ]
  const { jobId } = await link.call(submitJob, { tenant: 'a', job: { tasks } }, context)
  await until(() => seen.running.has('"slow"'))
  const change = { tenant: 'a', jobId, act: 'cancel' } as const
  assert.equal((await link.call(changeJob, change, context)).status, 'Canceled')
  await until(() => !seen.running.has('"slow"'))
  assert.equal((await link.call(changeJob, change, context)).status, 'Canceled')
  assert.deepEqual(await statesOf(link, jobId, context), ['Canceled', 'Canceled'])
  await assert.rejects(link.call(changeJob, { ...change, act: 'resume' }, context), {
    code: 'CONFLICT'
  })
  assert.equal(
    (await link.call(changeJob, { ...change, act: 'archive' }, context)).status,
    'Archived'
  )
})

test('J8, J9: a failure for good ends what needs the task, and a requeue runs all of it', async (t) => {
  const { link, seen } = await started()
  const context = contextFor(t)
  seen.refused.add('"refused"')
  const tasks = [
    toolTask('t1', 'refused'),
    toolTask('t2', null, { dependencies: ['t1'] }),
    toolTask('t3', null, { dependencies: ['t2'] }),
    toolTask('t4')
  ]
  const { jobId } = await link.call(submitJob, { tenant: 'dead', job: { tasks } }, context)
  await jobEnd(link, jobId, context)
  const states = ['Failed', 'Canceled', 'Canceled', 'Completed']
  assert.deepEqual(await statesOf(link, jobId, context), states)
  const dead = await link.call(listDeadLetters, { tenant: 'dead' }, context)
  assert.deepEqual(
    dead.tasks.map(({ taskId, reason, attempts }) => ({ taskId, reason, attempts })),
    [{ taskId: 't1', reason: 'VALIDATION_FAILED', attempts: 1 }]
  )
  const names = [{ jobId, taskId: 't1' }]
  const dry = await link.call(requeueDeadLetters, { tasks: names, dryRun: true }, context)
  assert.deepEqual([dry.tasks, dry.requeued], [names, 1]) // would be
  seen.refused.clear()
  const again = await link.call(requeueDeadLetters, { tasks: names }, context)
  assert.equal(again.requeued, 1)
  await jobEnd(link, jobId, context)
  assert.deepEqual(new Set(await statesOf(link, jobId, context)), new Set(['Completed']))
})

test('J11: a task waits for a worker that fits, says so, and runs there', async (t) => {
  const { mesh, seen, link } = await started()
  const context = contextFor(t)
  const constraints = { labels: { rack: '4' } }
  const tasks = [toolTask('t1', null, { constraints })]
  const { jobId } = await link.call(submitJob, { tenant: 'a', job: { tasks } }, context)
  const shown = async () => (await link.call(listTasks, { jobId, query: {} }, context)).tasks[0]!
  assert.match((await shown()).waitingFor ?? '', /the label rack=4/)
  assert.equal((await shown()).status, 'Queued')
  const { mesh: labelled } = await mesh.addWorker([toolKind(seen)], { labels: { rack: '4' } })
  await jobEnd(link, jobId, context)
  assert.equal((await shown()).workerId, labelled.key)
})

test('a reader that comes late gets the text of what runs from its beginning, once', async (t) => {
  const { link, seen } = await started()
  const context = contextFor(t)
  const { store } = await started()
  const live = new Live()
  const tasks = [toolTask('t1', 'writes', { ms: 60_000 })]
  const jobId = await submit(link, { tasks }, context)
  await until(() => seen.running.has('"writes"'))
  const text = (taskId: string, attempt: number, offset: number, said: string) =>
    live.text({ jobId, taskId, attempt, offset, text: said })
  text('t1', 1, 0, 'once ')
  text('t1', 1, 5, 'upon ')
  text('t0', 1, 0, 'of a task that does not run')
  const deps = { store, live, whyWaiting: () => undefined }
  const events = watch(deps, { jobId, after: 0 }, context)
  let told = ''
  for await (const { event, data } of events) {
    if (event !== 'task.output') continue
    const { offset, text: said } = data
    assert.equal(offset, told.length)
    told += said
    if (told === 'once upon ') text('t1', 1, 10, 'a time')
    else break
  }
  assert.equal(told, 'once upon a time')
  live.text({ jobId, taskId: 'long', attempt: 1, offset: 0, text: 'x'.repeat(60_000) })
  live.text({ jobId, taskId: 'long', attempt: 1, offset: 60_000, text: 'y'.repeat(60_000) })
  const kept = live.keptOf(jobId).find(({ taskId }) => taskId === 'long')!
  assert.deepEqual([kept.offset + kept.text.length, kept.text.length], [120_000, 32_768])
  live.forget(jobId, 'long')
  assert.equal(live.keptOf(jobId).length, 2)
  await link.call(changeJob, { jobId, act: 'cancel' }, context)
})
