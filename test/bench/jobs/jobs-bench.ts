/** What jobs cost: from added to running, short tasks a second, and with how many waiting. */
import { randomBytes } from 'node:crypto'
import type { Store } from '#shared/store/store.ts'
import { createContext } from '#shared/rpc/context.ts'
import { startJobsMesh } from '../../helpers/jobs/jobs-mesh.ts'
import { jobEnd, nothingSeen, submit, toolKind, toolTask } from '../../helpers/jobs/tools.ts'
import { startEmbeddedStore } from '../../helpers/stores/embedded-store.ts'
import { startPostgresStore } from '../../helpers/stores/stores.ts'
import { until } from '../../helpers/until.ts'
import { percentile } from '../percentiles.ts'
import { fixed, type BenchOptions, type Report } from '../report.ts'
import { inScope } from '../scope.ts'

const STORES = { embedded: startEmbeddedStore, Postgres: startPostgresStore }
const BAR_MS = { embedded: 10, Postgres: 5 }
const PLACES = 16
const TIMEOUT_MS = 300_000

/** From the submission at a jobs service, over its link, to the moment when the worker begins. */
export async function benchLatency({ quick }: BenchOptions): Promise<Report> {
  const count = quick ? 50 : 500
  const report: Report = {
    title: 'A job from added to running',
    how:
      `${count} jobs of one task, one after the other, over the link of a gateway to a jobs service ` +
      'and on to a worker, in one process: from before the submission until the task runs.',
    columns: ['store', 'p50 ms', 'p95 ms', 'p99 ms'],
    rows: [],
    bars: []
  }
  for (const [name, start] of Object.entries(STORES)) {
    await inScope(async (t) => {
      const { store } = await start(t)
      const mesh = await startJobsMesh(t, { stores: [store] })
      let begun = Promise.withResolvers<number>()
      const onBegun = () => begun.resolve(performance.now())
      await mesh.addWorker([toolKind(nothingSeen(), onBegun)], { places: PLACES })
      const link = await mesh.link()
      using context = createContext({ timeoutMs: TIMEOUT_MS })
      const times: number[] = []
      for (let nth = 0; nth < count; nth++) {
        begun = Promise.withResolvers()
        const from = performance.now()
        const jobId = await submit(link, { tasks: [toolTask('t1', nth)] }, context)
        times.push((await begun.promise) - from)
        await jobEnd(link, jobId, context)
      }
      times.splice(0, times.length / 10) // until it is warm
      const [p50, p95, p99] = [0.5, 0.95, 0.99].map((p) => percentile(times, p))
      report.rows.push([name, fixed(p50!), fixed(p95!), fixed(p99!)])
      const bar = BAR_MS[name as keyof typeof BAR_MS]
      report.bars.push({
        figure: `p50, ${name}`,
        bar: `≤ ${bar} ms`,
        measured: `${fixed(p50!)} ms`,
        holds: p50! <= bar
      })
    })
  }
  return report
}

const RATE_BAR = 200

export async function benchRate({ quick }: BenchOptions): Promise<Report> {
  const jobs = quick ? 4 : 40
  const tasks = 50
  let rate = 0
  await inScope(async (t) => {
    const { store } = await startPostgresStore(t)
    const mesh = await startJobsMesh(t, { stores: [store] })
    await mesh.addWorker([toolKind()], { places: PLACES })
    const link = await mesh.link()
    using context = createContext({ timeoutMs: TIMEOUT_MS })
    const graph = Array.from({ length: tasks }, (_, nth) => toolTask(`t${nth}`, nth))
    await jobEnd(link, await submit(link, { tasks: graph }, context), context)
    const from = performance.now()
    const ids = await Promise.all(
      Array.from({ length: jobs }, async () => submit(link, { tasks: graph }, context))
    )
    await Promise.all(ids.map(async (jobId) => jobEnd(link, jobId, context)))
    rate = (jobs * tasks) / ((performance.now() - from) / 1000)
  })
  return {
    title: 'Short tasks a second',
    how:
      `${jobs} jobs of ${tasks} tasks that do nothing, on one worker with ${PLACES} places, with a ` +
      'stream of events open for each job. Postgres, jobs service, worker and client share the machine.',
    columns: ['tasks', 'tasks/s'],
    rows: [[String(jobs * tasks), fixed(rate, 0)]],
    bars: [
      {
        figure: 'short tasks/s, Postgres',
        bar: `≥ ${RATE_BAR}`,
        measured: fixed(rate, 0),
        holds: rate >= RATE_BAR
      }
    ]
  }
}

const FLAT_MAX = 1.5

export async function benchWaiting({ quick }: BenchOptions): Promise<Report> {
  const depths = quick ? [100, 1000] : [100, 1000, 10_000, 100_000]
  const rows: string[][] = []
  const costs: number[] = []
  for (const waiting of depths) {
    await inScope(async (t) => {
      const { store } = await startPostgresStore(t)
      const mesh = await startJobsMesh(t, { stores: [store] })
      const link = await mesh.link()
      using context = createContext({ timeoutMs: TIMEOUT_MS })
      const model = await submit(link, { tasks: [toolTask('t1', 'first')] }, context)
      const measured = quick ? 100 : 1000
      await multiply(store, model, waiting + measured)
      const seen = nothingSeen()
      let begun = 0
      let from = 0
      const { worker } = await mesh.addWorker(
        [
          toolKind(seen, () => {
            if (begun++ === 0) from = performance.now()
          })
        ],
        { places: PLACES }
      )
      await until(() => begun >= measured, TIMEOUT_MS)
      const cost = (performance.now() - from) / measured
      await worker.stop()
      costs.push(cost)
      rows.push([String(waiting), fixed(cost), fixed(1000 / cost, 0)])
    })
  }
  const ratio = costs.at(-1)! / costs[0]!
  return {
    title: 'The cost of a task, by how many wait',
    how:
      `The first tasks of a line of so many, jobs of one task each, on one worker with ${PLACES} ` +
      'places over Postgres. For comparison SPLAI: 0.54 ms an assignment at 50 workers, 26.7 ms at 10,000.',
    columns: ['waiting', 'ms a task', 'tasks/s'],
    rows,
    bars: [
      {
        figure: `cost at ${depths.at(-1)} over cost at ${depths[0]}`,
        bar: `≤ ${FLAT_MAX}`,
        measured: fixed(ratio),
        holds: ratio <= FLAT_MAX
      }
    ]
  }
}

/** Copies a job of one task so many times, faster than it could be submitted. */
async function multiply(store: Store, jobId: string, times: number): Promise<void> {
  const prefix = randomBytes(8).toString('hex')
  const names = `'job-${prefix}' || lpad(to_hex(n), 16, '0')`
  await store.query(
    `insert into jobs (job_id, tenant_id, type, priority, submitted, total, queued)
     select ${names}, tenant_id, type, priority, submitted, 1, 1
     from jobs, generate_series(1, $2::int) n where job_id = $1`,
    [jobId, times]
  )
  await store.query(
    `insert into tasks (job_id, task_id, number, tenant_id, type, input, needs, needs_key, priority,
       head_start_ms, attempts_max, timeout_ms, ready_at, rank)
     select ${names}, task_id, number, tenant_id, type, input, needs, needs_key, priority,
       head_start_ms, attempts_max, timeout_ms, ready_at, rank + n
     from tasks, generate_series(1, $2::int) n where job_id = $1`,
    [jobId, times]
  )
  await store.query('analyze jobs')
  await store.query('analyze tasks')
}
