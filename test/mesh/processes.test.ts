/** The mesh as a person runs it: real processes and real signals. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { registryList, type MeshSnapshot } from '#shared/contracts/peers/peers.ts'
import { expectedText } from '../helpers/checker.ts'
import { createContext } from '#shared/rpc/context.ts'
import { mintToken } from '../../services/gateway/access/token-text.ts'
import { meshEnv, runHaif, startHaif, temporaryHome, type RunningHaif } from '../helpers/cli.ts'
import { startMesh, type TestMesh } from '../helpers/mesh/mesh.ts'
import { startPeer } from '../helpers/peers/peers.ts'
import { until } from '../helpers/until.ts'
import { patience } from '../helpers/deadline.ts'

const STOP_MS_MAX = 5000
/** A mesh of five processes takes eight seconds of CPU to be ready, beside other tests. */
const UP_MS_MAX = 45_000

/** `haif up` on a free port; resolves when it says that it is ready. */
async function up(t: TestContext, home: string, ...args: string[]) {
  const haif = startHaif(t, ['up', '--port', '0', ...args], {
    env: { HAIF_HOME: home },
    runMsMax: patience(2 * UP_MS_MAX)
  })
  await haif.says('ready http://', UP_MS_MAX)
  const url = /ready (http:\S+)/.exec(haif.output.stdout)![1]!
  return { ...haif, url }
}

const infer = (url: string, body: object, headers: Record<string, string> = {}) =>
  fetch(`${url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body)
  })

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false // ESRCH: it is gone
  }
}

/** Processes that a process has started, from the kernel. */
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

/** A worker in a process of its own, joined to a mesh of the test. */
async function joinWorker(t: TestContext, mesh: TestMesh, model: string): Promise<RunningHaif> {
  const worker = startHaif(t, ['join', '--model', model], { env: meshEnv(mesh) })
  await worker.says('joined')
  return worker
}

async function snapshotOf(t: TestContext, mesh: TestMesh): Promise<() => Promise<MeshSnapshot>> {
  const client = await startPeer(t, mesh.topicKey, { role: 'client' })
  client.follow('registry')
  await until(() => client.links('registry').length > 0)
  return async () => {
    using context = createContext({ timeoutMs: patience(5000) })
    return await client.links('registry')[0]!.call(registryList, {}, context)
  }
}

test('haif up answers from the built-in model, shows its peers, and Ctrl-C leaves nothing behind', async (t) => {
  const home = temporaryHome(t)
  const haif = await up(t, home)
  const models = childrenOf(haif.child.pid!)
  assert.equal(models.length, 1) // the process of the model

  const reply = await infer(haif.url, { prompt: 'What is HAIF?' })
  const body = (await reply.json()) as { output: string; provider: string; finish_reason: string }
  assert.equal(reply.status, 200)
  assert.match(body.output, /machines/)
  assert.equal(body.provider, 'llama')
  assert.equal(body.finish_reason, 'stop')

  const status = await runHaif(t, ['status', '--json'], { env: { HAIF_HOME: home } })
  const { peers } = JSON.parse(status.stdout) as MeshSnapshot
  const roles = peers.map(({ role }) => role).toSorted()
  assert.deepEqual(roles, ['bridge', 'gateway', 'jobs', 'orchestrator', 'registry', 'worker'])
  assert.equal(new Set(peers.map(({ key }) => key)).size, roles.length)

  const stoppedAt = performance.now()
  haif.child.kill('SIGINT')
  assert.equal((await haif.result).code, 0)
  await until(() => models.every((pid) => !isAlive(pid)))
  assert.ok(performance.now() - stoppedAt < patience(STOP_MS_MAX))
  assert.equal(haif.output.stderr, '')
})

test('a second haif up on one HAIF_HOME says so; kill -9 frees it, and Ctrl-C ends what streams', async (t) => {
  const home = temporaryHome(t)
  const first = await up(t, home, '--model', 'sim')
  const second = await runHaif(t, ['up', '--port', '0'], { env: { HAIF_HOME: home } })
  assert.equal(second.code, 1)
  assert.match(second.stderr, /^haif: "haif up" runs already on .* \(HOME_IN_USE\)\n$/)
  first.child.kill('SIGKILL')
  await first.result
  const address = () => readFileSync(join(home, 'mesh/mesh.json'), 'utf8')
  const before = address()
  const third = await up(t, home, '--model', 'sim?decode=20')
  assert.equal(address(), before) // so that those who joined find it again
  assert.deepEqual(
    readdirSync(join(home, 'keys'))
      .filter((name) => name.endsWith('.key'))
      .toSorted(),
    ['bridge.key', 'gateway.key', 'jobs.key', 'orchestrator.key', 'registry.key', 'worker.key']
  )
  const reply = await infer(third.url, { prompt: 'long', max_tokens: 4000, stream: true })
  assert.equal(reply.status, 200)
  const reading = reply.text()
  third.child.kill('SIGINT')
  assert.match(await reading, /event: error\ndata: .*"SHUTTING_DOWN"/)
  assert.equal((await third.result).code, 0)
})

test('a taken port is named, with what to do', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const { port } = other.address() as AddressInfo
  const { code, stderr } = await runHaif(t, ['up', '--port', String(port), '--model', 'sim'])
  assert.equal(code, 1)
  assert.match(stderr, new RegExp(`^haif: .*${port}.*--port.*\\(PORT_IN_USE\\)\n$`)) // and no more
})

test('a mistyped topic key is refused with a sentence', async (t) => {
  const { code, stderr } = await runHaif(t, ['join', 'haif_nonsense'])
  assert.equal(code, 2)
  assert.match(stderr, /^haif: the topic key is mistyped: .* \(TOPIC_KEY_INVALID\)\n$/)
})

test('a damaged model file: the worker says which and stays up with its other models', async (t) => {
  const mesh = await startMesh(t, { workers: [] })
  const snapshot = await snapshotOf(t, mesh)
  const file = join(temporaryHome(t), 'damaged.gguf')
  writeFileSync(file, `GGUF${'x'.repeat(500)}`)
  const args = ['join', '--model', file, '--model', 'sim']
  const worker = startHaif(t, args, { env: meshEnv(mesh) })
  await worker.says('joined')
  assert.match(worker.output.stdout, /model damaged failed: .*damaged\.gguf/)
  await mesh.ready()
  const { text } = await mesh.infer({ model: 'sim', prompt: 'up' })
  assert.equal(text, expectedText('up', 16))
  const { peers } = await snapshot()
  const models = peers.find(({ role }) => role === 'worker')!.worker!.models
  assert.deepEqual(
    models.map(({ name, state }) => [name, state]),
    [
      ['damaged', 'failed'],
      ['sim', 'ready']
    ]
  )
  await assert.rejects(mesh.infer({ model: 'damaged' }), { code: 'NO_ELIGIBLE_WORKER' })
})

test('a second worker is used at once, and kill -9 of one during requests loses none', async (t) => {
  const mesh = await startMesh(t, { workers: [] })
  const snapshot = await snapshotOf(t, mesh)
  const model = 'sim?slots=16&decode=30'
  const workers = [await joinWorker(t, mesh, model), await joinWorker(t, mesh, model)]
  await until(async () => (await snapshot()).models[0]?.workers.length === 2)
  const requests = Array.from({ length: 20 }, (_, i) =>
    mesh.infer({ prompt: `parallel ${i}`, maxTokens: 60 })
  )
  const orchestrator = mesh.meshes.find(({ role }) => role === 'orchestrator')!
  await until(() => orchestrator.links('worker').every((link) => link.openStreams >= 3))
  workers[0]!.child.kill('SIGKILL')
  for (const [i, { text }] of (await Promise.all(requests)).entries()) {
    assert.equal(text, expectedText(`parallel ${i}`, 60))
  }
  await until(async () => (await snapshot()).models[0]?.workers.length === 1)
})

test('the only worker killed with -9 before its first token: WORKER_LOST within 4 s', async (t) => {
  const mesh = await startMesh(t, { workers: [] })
  const worker = await joinWorker(t, mesh, 'sim?prefill=1')
  await mesh.ready()
  const request = mesh.infer({ prompt: 'x'.repeat(400) }) // 100 s of prefill
  await until(() => mesh.meshes.some((peer) => peer.links('worker').some((l) => l.openStreams > 0)))
  const killedAt = performance.now()
  worker.child.kill('SIGKILL')
  await assert.rejects(request, { code: 'WORKER_LOST' })
  assert.ok(performance.now() - killedAt < patience(4000))
})

test('SIGTERM lets a worker finish what it runs', async (t) => {
  const mesh = await startMesh(t, { workers: [] })
  const snapshot = await snapshotOf(t, mesh)
  const worker = await joinWorker(t, mesh, 'sim?decode=20')
  await mesh.ready()
  const request = mesh.infer({ prompt: 'drain', maxTokens: 50 })
  // A request that is still on its way when the worker begins to stop is refused.
  await until(async () =>
    (await snapshot()).peers.some((peer) => peer.worker?.models[0]?.running === 1)
  )
  worker.child.kill('SIGTERM')
  assert.equal((await request).text, expectedText('drain', 50))
  assert.equal((await worker.result).code, 0)
})

test('each service runs alone, told by the environment', async (t) => {
  const mesh = await startMesh(t, { gateways: 0, orchestrators: 0, workers: [] })
  const snapshot = await snapshotOf(t, mesh)
  const env = meshEnv(mesh)
  const services = ['orchestrator', 'gateway', 'worker', 'http-bridge'].map((name) =>
    startHaif(t, ['service', name], { env: { ...env, MODEL_ID: 'sim', PORT: '0' } })
  )
  await until(async () => (await snapshot()).peers.length === 6) // and registry and client
  await mesh.ready()
  assert.equal((await mesh.infer({ prompt: 'alone' })).text, expectedText('alone', 16))
  for (const { child } of services) child.kill('SIGTERM')
  for (const { result } of services) assert.equal((await result).code, 0)
})

test('a setting that cannot be used is named', async (t) => {
  const env = { MAX_CONCURRENT_REQUESTS: 'many', HAIF_TOPIC_KEY: '' }
  const { code, stderr } = await runHaif(t, ['up', '--port', '0', '--model', 'sim'], { env })
  assert.equal(code, 2)
  assert.match(stderr, /MAX_CONCURRENT_REQUESTS=many cannot be used.*\(CONFIG_INVALID\)/)
})

test('haif drain: the worker hands over what it runs and leaves', async (t) => {
  const operatorKey = mintToken('operator')
  const mesh = await startMesh(t, { workers: [], access: { operatorKey } })
  const env = { ...meshEnv(mesh), HAIF_TOKEN: operatorKey.text }
  const snapshot = await snapshotOf(t, mesh)
  const leaving = await joinWorker(t, mesh, 'sim?decode=4')
  await mesh.ready()
  const request = mesh.infer({ prompt: 'hand over', maxTokens: 200 }) // 50 s: outlasts any drain
  await until(() => mesh.meshes.some((peer) => peer.links('worker').some((l) => l.openStreams > 0)))
  await joinWorker(t, mesh, 'sim?decode=400')
  const busy = async () =>
    (await snapshot()).peers.find(({ worker }) => worker?.models[0]?.running === 1)?.key
  await until(async () => (await busy()) !== undefined)
  const key = (await busy())!
  const stranger = await runHaif(t, ['drain', key.slice(0, 8)], { env: meshEnv(mesh) })
  assert.match(stranger.stderr, /needs a token with the scope operator.*\(UNAUTHENTICATED\)/)
  const drain = await runHaif(t, ['drain', key.slice(0, 8)], { env })
  assert.match(drain.stdout, /takes nothing new and leaves/)
  assert.equal((await leaving.result).code, 0)
  const { text, end } = await request
  assert.equal(text, expectedText('hand over', 200))
  assert.equal(end.attempts, 2)
  const unknown = await runHaif(t, ['drain', 'ffffffff'], { env })
  assert.match(unknown.stderr, /no worker with a key that begins with ffffffff.*\(NOT_FOUND\)/)
})

test('haif up runs counted services as processes; Ctrl-C and kill -9 take all of them', async (t) => {
  const home = temporaryHome(t)
  const counts = ['--orchestrators', '1', '--gateways', '1', '--workers', '2']
  const haif = await up(t, home, '--model', 'sim', ...counts)
  const children = childrenOf(haif.child.pid!)
  assert.equal(children.length, 4)
  assert.equal((await infer(haif.url, { prompt: 'many' })).status, 200)
  haif.child.kill('SIGINT')
  assert.equal((await haif.result).code, 0)
  assert.deepEqual(children.filter(isAlive), [])

  const again = await up(t, home, '--model', 'sim', '--workers', '1')
  const left = childrenOf(again.child.pid!)
  assert.equal(left.length, 1)
  again.child.kill('SIGKILL')
  await until(() => !left.some(isAlive))
})
