/**
 * Jobs under random kill -9 of workers and jobs services, and with Postgres stopped in the middle;
 * and under a kill -9 of all of `haif up`: every job ends, and the history in the database holds
 * together. `HAIF_SOAK=1`; else this is left to `faults.test.ts` and `restart.test.ts` of
 * `test/services/jobs`.
 */
import assert from 'node:assert/strict'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { problemsIn } from '../helpers/jobs/history.ts'
import { startHaif, temporaryHome } from '../helpers/cli.ts'
import { Deployment } from '../helpers/mesh/deployment.ts'
import { killAll, type Killable } from '../helpers/mesh/kill-all.ts'
import { atEnd } from '../helpers/peers/peers.ts'
import { seededRandom } from '../helpers/random.ts'
import { TestPostgres } from '../helpers/stores/postgres.ts'
import { openStore } from '../helpers/stores/stores.ts'
import { until } from '../helpers/until.ts'

const IS_SOAK = process.env['HAIF_SOAK'] === '1'
const CHAOS_MS = 60_000
const AWAY_MS = 20_000
const JOBS = 200
/** After the last kill: a lease, a sweep, and what is left to do. */
const END_MS = 180_000

for (const isAway of [false, true]) {
  const what = isAway ? ', and Postgres is away for 20 s' : ''
  test(
    `every job ends while workers and jobs services are killed${what}`,
    { skip: !IS_SOAK },
    (t) => chaos(t, isAway)
  )
}

async function chaos(t: TestContext, isAway: boolean): Promise<void> {
  const postgres = new TestPostgres()
  await postgres.create()
  atEnd(t, () => postgres.end())
  const url = postgres.url('postgres')
  const state = { DATABASE_URL: url, HAIF_TOKEN_PEPPER: 'p'.repeat(32) }
  const deployment = await Deployment.start([], state)
  atEnd(t, () => deployment[Symbol.asyncDispose]())
  const killable = ['worker', 'worker', 'worker', 'jobs', 'jobs'].map((name): Killable => {
    const own = { HAIF_HOME: temporaryHome(t) }
    const env = name === 'jobs' ? { ...state, ...own } : { ...own, MODEL_ID: 'sim' }
    return { name, env, process: deployment.addService(name, env) }
  })
  await deployment.ready()
  const random = seededRandom()
  t.diagnostic(`HAIF_SEED=${random.seed}`)
  const over = new AbortController()
  const submitting = submitAll(deployment.url)
  const killing = killAll(deployment, killable, random, over.signal)
  if (isAway) {
    await sleep(CHAOS_MS / 2)
    await postgres.stop('SIGQUIT')
    await sleep(AWAY_MS)
    await postgres.start()
    await sleep(CHAOS_MS / 2)
  } else await sleep(CHAOS_MS)
  over.abort()
  t.diagnostic(`kills: ${await killing}`)
  const taken = await submitting
  const store = await openStore(t, url)
  const open = async () => {
    const rows = await store.query<{ open: number }>(
      "select count(*) as open from jobs where status in ('Queued', 'Running')"
    )
    return rows[0]!.open
  }
  const endedAt = performance.now()
  await until(async () => (await open()) === 0, END_MS)
  t.diagnostic(`all ended ${Math.round(performance.now() - endedAt)} ms after the last kill`)
  const states = await store.query('select status, count(*) from jobs group by status')
  const outcomes = await store.query('select outcome, count(*) from task_attempts group by outcome')
  t.diagnostic(JSON.stringify({ taken, states, outcomes }))
  assert.deepEqual(await problemsIn(store), [])
  const dead = await store.query<{ task_id: string; error_code: string }>(
    'select distinct task_id, error_code from tasks where dead_at is not null'
  )
  assert.deepEqual(dead, [{ task_id: 'doomed', error_code: 'VALIDATION_FAILED' }])
  const failed = `select type, status, count(*) as jobs from jobs
    where status <> 'Completed' group by type, status`
  const [ends] = await store.query<{ jobs: number }>(failed)
  assert.deepEqual(await store.query(failed), [
    { type: 'doomed', status: 'Failed', jobs: ends?.jobs }
  ])
  const [kept] = await store.query<{ jobs: number }>('select count(*) as jobs from jobs')
  assert.ok(kept!.jobs >= taken, `${taken} jobs were taken, and ${kept!.jobs} are there`)
}

const GRAPH = ['a', 'b', 'c', 'd', 'e'].map((id, nth) => ({
  id,
  type: 'llm_inference',
  input: { prompt: `${id} of a job`, model: 'sim', max_tokens: 16 },
  ...(nth === 0 ? {} : { dependencies: nth === 4 ? ['b', 'c', 'd'] : ['a'] })
}))

/** One task more, that is meant to die: the output that it refers to is no JSON. */
const DOOMED = [
  ...GRAPH,
  { id: 'doomed', type: 'llm_inference', input: { prompt: { $from: 'a.json.nothing' } } }
]
/** Each so many-th job has one. */
const DOOMED_EVERY = 20

/** Returns how many were taken; a jobs service may be dead, and then one asks again. */
async function submitAll(url: string): Promise<number> {
  let taken = 0
  for (let nth = 0; nth < JOBS; nth++) {
    const deadline = performance.now() + CHAOS_MS + AWAY_MS
    while (performance.now() < deadline) {
      const response = await fetch(`${url}/v1/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': `job-${nth}` },
        body: JSON.stringify(
          nth % DOOMED_EVERY === 0
            ? { type: 'doomed', tasks: DOOMED }
            : { type: 'chaos', tasks: GRAPH }
        )
      }).catch(() => null)
      const said = await response?.text()
      if (response?.status === 202) {
        taken++
        break
      }
      assert.ok((response?.status ?? 503) >= 429, said)
      await sleep(250)
    }
    await sleep(CHAOS_MS / JOBS)
  }
  return taken
}

const UP_JOBS = 50

interface Job {
  status: string
  tasks: { total: number; completed: number }
}

async function up(t: TestContext, home: string) {
  const env = { HAIF_HOME: home }
  const options = { env, runMsMax: 2 * END_MS }
  const haif = startHaif(t, ['up', '--port', '0', '--model', 'sim'], options)
  await haif.says('ready http://')
  const url = /ready (http:\/\/\S+)/.exec(haif.output.stdout + haif.output.stderr)![1]!
  return { haif, url }
}

const chained = (id: string, ...dependencies: string[]) => ({
  id,
  type: 'llm_inference',
  input: { prompt: id, model: 'sim', max_tokens: 64 },
  dependencies
})

test(
  '50 jobs end after all of haif up was killed in their middle',
  { skip: !IS_SOAK },
  async (t) => {
    const home = temporaryHome(t)
    const first = await up(t, home)
    const body = JSON.stringify({ tasks: [chained('a'), chained('b', 'a'), chained('c', 'b')] })
    const headers = { 'content-type': 'application/json' }
    const ids: string[] = []
    await until(async () => {
      const response = await fetch(`${first.url}/v1/jobs`, { method: 'POST', headers, body })
      const { job_id: id } = (await response.json()) as { job_id?: string }
      if (id !== undefined) ids.push(id) // just after the start the policy is not known yet
      return ids.length === UP_JOBS
    }, END_MS)
    const jobsOf = async (url: string) => {
      const response = await fetch(`${url}/v1/jobs?limit=100`)
      return ((await response.json()) as { jobs: (Job & { job_id: string })[] }).jobs
    }
    const done = (jobs: readonly Job[]) => jobs.reduce((sum, job) => sum + job.tasks.completed, 0)
    await until(async () => done(await jobsOf(first.url)) >= UP_JOBS, END_MS)
    first.haif.child.kill('SIGKILL')
    await first.haif.result
    const second = await up(t, home)
    const before = await jobsOf(second.url)
    t.diagnostic(`${done(before)} of ${UP_JOBS * 3} tasks had been completed`)
    await until(
      async () => (await jobsOf(second.url)).every(({ status }) => status === 'Completed'),
      END_MS
    )
    const after = await jobsOf(second.url)
    assert.deepEqual(new Set(after.map(({ job_id }) => job_id)), new Set(ids))
    assert.equal(done(after), UP_JOBS * 3)
  }
)
