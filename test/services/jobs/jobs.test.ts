import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { getJob, listTasks, submitJob } from '#shared/contracts/jobs/methods.ts'
import { silentLogger } from '#shared/process/log.ts'
import { createJobs } from '../../../services/jobs/jobs.ts'
import { memberOf } from '../../helpers/peers/member.ts'
import {
  atEnd,
  contextFor,
  linkBetween,
  Shared,
  startDht,
  startPeer
} from '../../helpers/peers/peers.ts'
import { startEmbeddedStore } from '../../helpers/stores/embedded-store.ts'
import { Mesh } from '#shared/mesh/mesh.ts'
import { createDht } from '#shared/mesh/discovery/dht.ts'

const shared = new Shared()
after(() => shared.end())

const mesh = shared.once(async (scope) => {
  const { store } = await startEmbeddedStore(scope)
  const root = await startDht(scope)
  const log = silentLogger()
  let own: Mesh
  const jobs = createJobs({
    join: (router) =>
      (own = new Mesh({
        dht: createDht(root),
        ...memberOf(root, 'jobs'),
        router,
        lookupMs: 200,
        log
      })),
    self: { host: 'test', version: '0' },
    store,
    log
  })
  atEnd(scope, () => jobs.stop())
  await jobs.start()
  const gateway = await startPeer(scope, root, { role: 'gateway' })
  gateway.follow('jobs')
  return { store, link: await linkBetween(gateway, own!) }
})

test('a job of one task is taken, and shown', async (t) => {
  const { link } = await mesh()
  const context = contextFor(t)
  const task = { id: 't1', type: 'aggregation', input: { parts: ['a\u0000b'] } } as const
  const asked = { tenant: 'a', idempotencyKey: 'k', job: { tasks: [task] } }
  const { jobId } = await link.call(submitJob, asked, context)
  assert.equal((await link.call(submitJob, asked, context)).jobId, jobId)
  const job = await link.call(getJob, { tenant: 'a', jobId }, context)
  assert.equal(job.status, 'Queued')
  const { tasks } = await link.call(listTasks, { jobId, query: {} }, context)
  assert.deepEqual(
    tasks.map(({ taskId, status }) => [taskId, status]),
    [['t1', 'Queued']]
  )
  await assert.rejects(link.call(getJob, { tenant: 'b', jobId }, context), { code: 'NOT_FOUND' })
})
