import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GraphTask } from '#shared/contracts/jobs/graph.ts'
import {
  changeJob,
  getJob,
  listTasks,
  submitJob,
  watchJob
} from '#shared/contracts/jobs/methods.ts'
import type { TaskKind } from '../../../services/worker/tasks/task-kind.ts'
import { contextFor, Shared } from '../../helpers/peers/peers.ts'
import { startEmbeddedStore } from '../../helpers/stores/embedded-store.ts'
import { startJobsMesh } from '../../helpers/mesh/jobs-mesh.ts'

const shared = new Shared()
after(() => shared.end())

const started = shared.once(async (scope) => {
  const { store } = await startEmbeddedStore(scope)
  const mesh = await startJobsMesh(scope, { stores: [store] })
  await mesh.addWorker([tool])
  return { mesh, store, link: await mesh.link() }
})

/** Puts out its first argument as JSON, a moment later; its input says what it writes meanwhile. */
const tool: TaskKind = {
  type: 'tool_execution',
  async *run(given, { signal }) {
    const { command, stdin = '' } = given as { command: string[]; stdin?: string }
    const [json = 'null', ms = '0'] = command
    if (ms !== '0') await sleep(Number(ms), undefined, { signal })
    if (stdin !== '') yield { text: stdin }
    return { output: { json: JSON.parse(json) as unknown } }
  }
}

const task = (id: string, output: unknown = null, more: Partial<GraphTask> = {}): GraphTask => ({
  id,
  type: 'tool_execution',
  input: { command: [JSON.stringify(output)] },
  ...more
})

test('outputs flow from task to task, a map runs once for each part, and all is told', async (t) => {
  const { link } = await started()
  const context = contextFor(t)
  const joined = { command: [{ $concat: ['"', { $from: 'item' }, { $from: 'job.input' }, '"'] }] }
  const tasks = [
    task('t1', null, { input: { command: ['["a","c"]'], stdin: 'said' } }),
    task('t2', null, { map: { $from: 't1.json' }, input: joined, dependencies: ['t1'] }),
    task('t3', 'no\u0000text', { dependencies: ['t2'] })
  ]
  const asked = { tenant: 'a', idempotencyKey: 'k', job: { input: '!', tasks } }
  const { jobId } = await link.call(submitJob, asked, context)
  assert.equal((await link.call(submitJob, asked, context)).jobId, jobId)
  const events: string[] = []
  for await (const { event, data } of link.stream(watchJob, { jobId }, context)) {
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

test('J18: a job of another tenant is unknown', async (t) => {
  const { link } = await started()
  const context = contextFor(t)
  const { jobId } = await link.call(
    submitJob,
    { tenant: 'a', job: { tasks: [task('t1')] } },
    context
  )
  const foreign = { tenant: 'b', jobId }
  for (const asking of [
    link.call(getJob, foreign, context),
    link.call(listTasks, { ...foreign, query: {} }, context),
    link.call(changeJob, { ...foreign, act: 'cancel' }, context),
    link.stream(watchJob, foreign, context).next()
  ]) {
    await assert.rejects(asking, { code: 'NOT_FOUND' })
  }
})
