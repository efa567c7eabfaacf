/**
 * `npm run test:compose`: the deployment as a person gets it, from a clean clone, with real
 * containers.
 *
 * HAIF_IMAGES_COMMAND: a command that is given the names of the images that are not on this machine
 * and makes them, where none can be pulled. Services whose image is not to be had are left out, by
 * name. KEEP=1: leaves everything running at the end.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { until } from '../helpers/until.ts'
import { Compose, docker, hasDocker, hasImage, type Container } from './docker.ts'
import { ask, Load } from './load.ts'
import { isFiring, rules, targets, value } from './prometheus.ts'

const PROJECT = 'haif-test'
const ROOT = join(import.meta.dirname, '../..')
const URL = 'http://127.0.0.1:8080'
const CHAT_URL = 'http://127.0.0.1:5173'
const STREAMS = 16
/** Forty tokens a second: an answer takes 1.5 s, so a restart meets it in the middle. */
const REQUEST = { prompt: 'count up', max_tokens: 60, model: 'sim' }
const MODEL_ID = 'builtin,sim:sim?slots=8&decode=40&answer=60'
/** Built by us, so there is nothing to have from elsewhere. */
const OWN_IMAGE = 'haif:local'
/** Requests per minute, of the token that two gateways count together. */
const RPM = 12
const GREEN_MS_MAX = 90_000
const IMAGE_BYTES_MAX = 450_000_000
const ALERT_MS_MAX = 180_000

if (!hasDocker()) {
  console.log(
    'test:compose: no Docker engine with the compose plugin answers here; nothing was tested'
  )
  process.exit(process.env['CI'] === undefined ? 0 : 1)
}

const clone = mkdtempSync(join(tmpdir(), 'haif-compose-'))
execFileSync('git', ['clone', '--quiet', ROOT, clone])
const compose = new Compose(clone, { COMPOSE_PROJECT_NAME: PROJECT, MODEL_ID })
const loads: Load[] = []
/** Undefined: none is needed yet. */
let token: string | undefined
let passed = 0
let failed = 0

async function check(name: string, work: () => Promise<string | void>): Promise<void> {
  const startedAt = performance.now()
  try {
    const said = await work()
    passed++
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    console.log(`ok      ${name} (${seconds} s)${said === undefined ? '' : `: ${said}`}`)
  } catch (error) {
    failed++
    console.log(`not ok  ${name}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

try {
  await testDeployment(await runnable())
} finally {
  if (process.env['KEEP'] === undefined) await takeDown()
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)

/** The services whose images are to be had. */
async function runnable(): Promise<string[]> {
  const { services } = await compose.config()
  const missing = new Set<string>()
  for (const { image } of Object.values(services)) {
    if (image !== OWN_IMAGE && !(await hasImage(image)) && !(await pulled(image)))
      missing.add(image)
  }
  const command = process.env['HAIF_IMAGES_COMMAND']
  if (missing.size > 0 && command !== undefined) {
    execFileSync(command, [...missing], { stdio: 'inherit' })
  }
  const names: string[] = []
  for (const [name, { image, build }] of Object.entries(services)) {
    if (build !== undefined || (await hasImage(image))) names.push(name)
    else console.log(`left out: ${name} (${image} is not to be had here)`)
  }
  return names
}

function pulled(image: string): Promise<boolean> {
  return docker('pull', '-q', image).then(
    () => true,
    () => false
  )
}

async function testDeployment(services: string[]): Promise<void> {
  await check('the image is built', async () => {
    await compose.run('build', '-q', 'worker')
    const bytes = Number(await docker('image', 'inspect', '-f', '{{.Size}}', OWN_IMAGE))
    assert.ok(bytes <= IMAGE_BYTES_MAX, `it has ${bytes} bytes`)
    return `${Math.round(bytes / 1e6)} MB`
  })
  await check('all health checks are green in 90 s', async () => {
    const startedAt = performance.now()
    await compose.run('up', '-d', '--no-build', '--wait', ...services)
    const ms = performance.now() - startedAt
    assert.ok(ms <= GREEN_MS_MAX, `it took ${Math.round(ms)} ms`)
  })
  await check('containers run as nobody special on a read-only root', async () => {
    for (const service of ['gateway', 'worker', 'http-bridge']) {
      const id = await compose.run('exec', '-T', service, 'id', '-u')
      assert.notEqual(id, '0', service)
      await assert.rejects(compose.run('exec', '-T', service, 'touch', '/app/x'), service)
    }
  })
  await check('/infer streams', async () => {
    const { done, problem } = await ask(URL, { prompt: 'What is HAIF?', max_tokens: 16 })
    assert.ok(done, problem)
  })
  await check('what a request used is in Postgres', async () => {
    const { requestId } = await ask(URL, { prompt: 'What is HAIF?', max_tokens: 16 })
    await until(async () => (await requestsInPostgres()).has(requestId))
  })
  await check('the chat page is there, and reaches the mesh', async () => {
    for (const origin of [URL, CHAT_URL]) {
      const page = await fetch(origin, { headers: { accept: 'text/html' } })
      assert.match(await page.text(), /<script type="module"/, origin)
      const { done, problem } = await ask(origin, { prompt: 'What is HAIF?', max_tokens: 16 })
      assert.ok(done, `${origin}: ${problem}`)
    }
  })
  await check('a machine outside joins with an invite', outsiderJoins)
  await check('a worker plans with the memory of its container', async () => {
    const { mem_limit: limit } = (await compose.config()).services['worker']!
    const [{ worker }] = (await statusWorkers()) as [WorkerPeer]
    assert.equal(worker.hardware.ram.totalBytes, Number(limit))
    assert.ok(worker.memoryBudget.ramBytes < Number(limit))
  })
  await check('three workers serve under load', async () => {
    await compose.run('up', '-d', '--no-build', '--wait', '--scale', 'worker=3', ...services)
    assert.equal((await statusWorkers()).length, 3)
    await using load = startLoad()
    await until(() => load.byWorker.size === 3, 60_000)
    assert.deepEqual(problems(load), {})
  })
  await check('a killed worker loses no request', async () => {
    const [worker] = await names('worker')
    const load = startLoad()
    await until(() => load.served >= STREAMS, 60_000)
    await docker('kill', worker!)
    await progress(load)
    await load[Symbol.asyncDispose]()
    assert.deepEqual(problems(load), {})
    await docker('start', worker!)
    await until(async () => (await statusWorkers()).length === 3, 60_000)
    return `${load.served} served`
  })
  await check('every target is up and every rule is loaded', async () => {
    // A worker that was killed is looked up again only after a while.
    await until(async () => {
      const found = await targets()
      const workers = found.filter(({ labels }) => labels.job === 'worker')
      return workers.length === 3 && found.every(({ health }) => health === 'up')
    }, 60_000)
    const broken = (await rules()).filter(({ health }) => health !== 'ok')
    assert.deepEqual(broken, [])
    assert.ok(((await value('sum(haif_requests_total{service="worker"})')) ?? 0) > 0)
    return `${(await targets()).length} targets, ${(await rules()).length} rules`
  })
  await check('a token is needed once there is one', async () => {
    token = await createToken('--tenant', 'acme')
    assert.equal((await ask(URL, REQUEST)).status, 401)
    assert.equal((await ask(URL, REQUEST, token)).status, 200)
  })
  for (const service of services)
    await check(`${service} restarts under load`, () => restart(service))
  await check(
    'usage has every answer and the token is needed, whatever was restarted',
    async () => {
      assert.equal((await ask(URL, REQUEST)).status, 401)
      return usageHasEveryAnswer()
    }
  )
  await check('two gateways share the limits of a token', () => sharesLimits(services))
  await testAlerts()
  await check('usage has every answer, also of when Postgres was away', usageHasEveryAnswer)
}

function startLoad(streams = STREAMS): Load {
  const load = new Load(URL, streams, REQUEST, token)
  loads.push(load)
  return load
}

function createToken(...options: string[]): Promise<string> {
  return compose.run('exec', '-T', 'gateway', 'haif', 'token', 'create', ...options)
}

async function usageHasEveryAnswer(): Promise<string> {
  const answers = loads.flatMap(({ outcomes }) => outcomes).filter(({ done }) => done)
  assert.ok(answers.length > 0)
  await until(async () => {
    const rows = await requestsInPostgres()
    return answers.every(({ requestId }) => rows.has(requestId))
  }, 60_000)
  return `${answers.length} answers`
}

async function requestsInPostgres(): Promise<Set<string>> {
  const psql = ['psql', '-U', 'haif', '-d', 'haif', '-Atc', 'select request_id from requests']
  const exec = ['exec', '-T', 'postgres'] // on its own socket it asks for no password
  return new Set((await compose.run(...exec, ...psql)).split('\n'))
}

/** Apart, they would let twice as many in. */
async function sharesLimits(services: string[]): Promise<void> {
  const scale = ['--scale', 'worker=3', '--scale', 'gateway=2']
  await compose.run('up', '-d', '--no-build', '--wait', ...scale, ...services)
  {
    await using load = startLoad()
    const serving = 'count(sum by (instance) (haif_requests_total{service="gateway"}))'
    await until(async () => load.served > 0 && (await value(serving)) === 2, 60_000)
  }
  const limited = await createToken('--tenant', 'limited', '--rpm', String(RPM))
  const asked = Array.from({ length: 3 * RPM }, () => ask(URL, REQUEST, limited))
  const statuses = (await Promise.all(asked)).map(({ status }) => status)
  assert.equal(statuses.filter((status) => status === 200).length, RPM)
  assert.equal(statuses.filter((status) => status === 429).length, 2 * RPM)
}

/** No 5xx for what the rest can serve; without the bridge nobody can be served at all. */
async function restart(service: string): Promise<string> {
  const load = startLoad()
  try {
    await until(() => load.served >= STREAMS, 60_000)
    // One worker of three: the others are the rest.
    if (service === 'worker') await docker('restart', (await names('worker'))[0]!)
    else await compose.run('restart', service)
    await progress(load)
  } finally {
    await load[Symbol.asyncDispose]()
  }
  await until(async () => (await compose.containers()).every(isWell), 90_000)
  const found = problems(load)
  // Clients of the bridge see its connections break, and SHUTTING_DOWN on those that run.
  if (service === 'http-bridge') return `${load.served} served, broken: ${JSON.stringify(found)}`
  assert.deepEqual(found, {})
  return `${load.served} served`
}

function isWell({ State, Health }: Container): boolean {
  return State === 'running' && (Health === '' || Health === 'healthy')
}

/** Three answers more for each stream. */
async function progress(load: Load): Promise<void> {
  const served = load.served + 3 * STREAMS
  await until(() => load.served >= served, 120_000)
}

function problems(load: Load): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status, problem } of load.failed) {
    const kind = `${status} ${problem}`
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

async function names(service: string): Promise<string[]> {
  const containers = await compose.containers()
  return containers.filter(({ Service }) => Service === service).map(({ Name }) => Name)
}

interface WorkerPeer {
  role: string
  worker: { hardware: { ram: { totalBytes: number } }; memoryBudget: { ramBytes: number } }
}

async function statusWorkers(): Promise<WorkerPeer[]> {
  const text = await compose.run('exec', '-T', 'gateway', 'haif', 'status', '--json')
  const { peers } = JSON.parse(text) as { peers: WorkerPeer[] }
  return peers.filter(({ role }) => role === 'worker')
}

/** A process of this machine, in no container. */
async function outsiderJoins(): Promise<void> {
  const made = await compose.run('exec', '-T', 'gateway', 'haif', 'invite', '--json')
  const { topicKey: key } = JSON.parse(made) as { topicKey: string }
  const before = (await statusWorkers()).length
  const home = mkdtempSync(join(tmpdir(), 'haif-outside-'))
  const outsider = spawn(process.execPath, [join(ROOT, 'cli/main.mjs'), 'join', key], {
    env: { PATH: process.env['PATH'], HAIF_HOME: home },
    stdio: 'ignore'
  })
  try {
    await until(async () => (await statusWorkers()).length === before + 1, 60_000)
  } finally {
    const gone = new Promise((resolve) => outsider.once('exit', resolve))
    outsider.kill()
    await gone
    rmSync(home, { recursive: true, force: true })
  }
  await until(async () => (await statusWorkers()).length === before, 60_000)
}

/** Those that a missing container provokes; rules.test.yml provokes every one. */
async function testAlerts(): Promise<void> {
  const provoke: [alert: string, stop: string][] = [
    ['HaifRedisDown', 'redis'],
    ['HaifPostgresDown', 'postgres'],
    ['HaifServiceDown', 'registry'],
    ['HaifNoWorkerForModel', 'worker']
  ]
  for (const [alert, service] of provoke) {
    await check(`${alert} fires and arrives when ${service} is away`, async () => {
      // Paused, it keeps its address: Prometheus still looks for it.
      const verb = service === 'worker' ? ['stop', 'start'] : ['pause', 'unpause']
      await compose.run(verb[0]!, service)
      try {
        await arrived(alert)
        if (service === 'worker') await provokeWithRequests('HaifErrorRateHigh', 1)
        if (service === 'postgres') await provokeWithRequests('HaifUsageSpoolGrowing', STREAMS)
      } finally {
        await compose.run(verb[1]!, service)
      }
    })
  }
}

async function arrived(alert: string): Promise<void> {
  await until(() => isFiring(alert), ALERT_MS_MAX)
  await until(async () => (await compose.run('logs', 'alert-log')).includes(alert), 30_000)
}

/** Clients go on asking: nobody can be served, or what they used cannot be written down. */
async function provokeWithRequests(alert: string, streams: number): Promise<void> {
  const load = startLoad(streams)
  try {
    await arrived(alert)
  } finally {
    await load[Symbol.asyncDispose]()
  }
}

async function takeDown(): Promise<void> {
  await check('down -v leaves nothing', async () => {
    await compose.run('--profile', '*', 'down', '-v', '--remove-orphans')
    const label = `label=com.docker.compose.project=${PROJECT}`
    const left = [
      await docker('ps', '-aq', '--filter', label),
      await docker('volume', 'ls', '-q', '--filter', label),
      await docker('network', 'ls', '-q', '--filter', label)
    ]
    assert.deepEqual(left, ['', '', ''])
  })
  rmSync(clone, { recursive: true, force: true })
}
