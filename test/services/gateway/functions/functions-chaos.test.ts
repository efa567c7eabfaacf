/**
 * Pipelines of functions under random kill -9 of workers, jobs services and the processes that run
 * functions: every run ends, each result is taken once, and a run that is resumed keeps what had
 * completed. `HAIF_SOAK=1`; else this is left to `test/services/jobs` and to other tests of
 * functions.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { temporaryHome } from '../../../helpers/cli.ts'
import { python, sealed } from '../../../helpers/functions/bundles.ts'
import { problemsIn } from '../../../helpers/jobs/history.ts'
import { Deployment } from '../../../helpers/mesh/deployment.ts'
import { killAll, type Killable } from '../../../helpers/mesh/kill-all.ts'
import { atEnd } from '../../../helpers/peers/peers.ts'
import { seededRandom, type Random } from '../../../helpers/random.ts'
import { TestPostgres } from '../../../helpers/stores/postgres.ts'
import { openStore } from '../../../helpers/stores/stores.ts'
import { until } from '../../../helpers/until.ts'

const IS_SOAK = process.env['HAIF_SOAK'] === '1'
const CHAOS_MS = 60_000
const RUNS = 100
const END_MS = 180_000
/** The word in the command of a process that runs a function of this test. */
const MODULE = 'chaos-node.py'

test('every pipeline ends while all that runs it is killed', { skip: !IS_SOAK }, async (t) => {
  const { deployment, killable, store } = await setUp(t)
  const { url } = deployment
  await publish(url)
  const random = seededRandom()
  t.diagnostic(`HAIF_SEED=${random.seed}`)
  const over = new AbortController()
  t.after(() => over.abort()) // also where the test fails in its middle
  const killing = killAll(deployment, killable, random, over.signal)
  const ending = killFunctions(random, over.signal)
  const ids: string[] = []
  for (let nth = 0; nth < RUNS; nth++) {
    ids.push(await started(url, nth))
    await sleep(CHAOS_MS / RUNS)
  }
  over.abort()
  t.diagnostic(`kills: ${await killing}, and ${await ending} of functions`)
  const open = async () =>
    (await store.query("select from jobs where status in ('Queued', 'Running')")).length
  await until(async () => (await open()) === 0, END_MS)
  const before = await completions()
  const failed = await store.query<{ job_id: string }>(
    "select job_id from jobs where status = 'Failed'"
  )
  for (const { job_id } of failed) await post(`${url}/v1/runs/${job_id}/retry`, {})
  await until(async () => (await open()) === 0, END_MS)
  t.diagnostic(`${failed.length} of ${RUNS} runs had failed, and were resumed`)
  const after = await completions()
  for (const [task, attempt] of before) assert.equal(after.get(task), attempt, `${task} ran again`)
  assert.deepEqual(await problemsIn(store), [])
  for (const id of ids) {
    const run = (await (await fetch(`${url}/v1/runs/${id}`)).json()) as Run
    assert.deepEqual([run.status, run.result], ['Completed', 3], JSON.stringify(run))
  }

  /** The attempt that has completed each task. */
  async function completions(): Promise<Map<string, number>> {
    const rows = await store.query<{ task: string; attempt: number }>(
      `select job_id || '/' || task_id as task, attempt from tasks where status = 'Completed'`
    )
    return new Map(rows.map(({ task, attempt }) => [task, attempt]))
  }
})

async function setUp(t: TestContext) {
  const postgres = new TestPostgres()
  await postgres.create()
  atEnd(t, () => postgres.end())
  const url = postgres.url('postgres')
  const state = { DATABASE_URL: url, HAIF_TOKEN_PEPPER: 'p'.repeat(32) }
  const deployment = await Deployment.start([], state)
  atEnd(t, () => deployment[Symbol.asyncDispose]())
  const killable = ['worker', 'worker', 'worker', 'jobs', 'jobs'].map((name): Killable => {
    const own = { HAIF_HOME: temporaryHome(t) }
    const env = { ...own, ...(name === 'jobs' ? state : { MODEL_ID: 'sim', ALLOW_FUNCTIONS: '1' }) }
    return { name, env, process: deployment.addService(name, env) }
  })
  await deployment.ready()
  return { deployment, killable, store: await openStore(t, url) }
}

interface Run {
  run_id?: string
  status?: string
  result?: unknown
}

async function post(url: string, body: object, headers: object = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body)
  }).catch(() => null)
  return { status: response?.status ?? 503, body: (await response?.json()) as Run | undefined }
}

/** Two that need nothing of each other, and one that needs both. */
async function publish(url: string): Promise<void> {
  const source = 'import time\ndef run(a, b=0):\n  time.sleep(0.5)\n  return a + b'
  const inputs = [{ name: 'a' }, { name: 'b', optional: true, default: 0 }]
  const of = { module: MODULE, files: { [MODULE]: source }, signature: { inputs, outputs: [] } }
  const node = (id: string, bound: object) =>
    ({ id, kind: 'object', object: 'add', inputs: bound }) as const
  const nodes = [
    node('one', { a: { value: 1 } }),
    node('two', { a: { value: 2 } }),
    node('sum', { a: { node: 'one' }, b: { node: 'two' } })
  ]
  const objects = {
    add: python('', of),
    chaos: { haif: 1, kind: 'pipeline', nodes, output: 'sum' }
  }
  for (const [name, bundle] of Object.entries(objects)) {
    const { text, seal } = sealed(bundle)
    const wish = { name, bundle: text, seal }
    await until(async () => (await post(`${url}/v1/objects`, wish)).status < 300, END_MS)
  }
}

/** A jobs service may be dead: then the same is asked again, under its key. */
async function started(url: string, nth: number): Promise<string> {
  let id: string | undefined
  await until(async () => {
    const wish = { object: 'chaos', retries: 3 }
    const { status, body } = await post(`${url}/v1/runs`, wish, { 'idempotency-key': `run-${nth}` })
    assert.ok(status < 300 || status >= 429, JSON.stringify(body))
    id = status < 300 ? body?.run_id : undefined
    return id !== undefined
  }, END_MS)
  return id!
}

async function killFunctions(random: Random, signal: AbortSignal): Promise<number> {
  let kills = 0
  while (!signal.aborted) {
    await sleep(random.between(500, 2500))
    const running = readdirSync('/proc').map(Number).filter(isOfFunction)
    if (running.length === 0) continue
    try {
      process.kill(random.pick(running), 'SIGKILL')
      kills++
    } catch {
      // it has ended by itself
    }
  }
  return kills
}

function isOfFunction(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(MODULE)
  } catch {
    return false // no process, or one that has ended
  }
}
