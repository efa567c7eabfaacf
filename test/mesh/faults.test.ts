/**
 * Whatever happens to machines and networks, every stream is whole or ends with an error, none is
 * mixed with another, and nothing of it stays. HAIF_SEED repeats a run; HAIF_SOAK=10 makes it ten
 * times as long.
 */
import assert from 'node:assert/strict'
import process from 'node:process'
import { after, describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { registryList, type WorkerModel } from '#shared/contracts/peers/peers.ts'
import { BootstrapNodes } from '#shared/mesh/discovery/bootstrap-nodes.ts'
import { createContext } from '#shared/rpc/context.ts'
import { silentLogger } from '#shared/process/log.ts'
import type { EngineMetrics } from '../../services/worker/engines/engine.ts'
import { SimEngine } from '../../services/worker/engines/sim/sim-engine.ts'
import { Client, type Outcome } from '../helpers/mesh/clients.ts'
import { startMesh, TestMesh } from '../helpers/mesh/mesh.ts'
import { atEnd, startPeer } from '../helpers/peers/peers.ts'
import { seededRandom, type Random } from '../helpers/random.ts'
import type { ServiceProcess } from '../helpers/mesh/service-process.ts'
import { until } from '../helpers/until.ts'
import { startServiceProcess, startWorkerProcess } from '../helpers/mesh/worker-process.ts'
import { patience } from '../helpers/deadline.ts'

const ROUNDS = Number(process.env['HAIF_SOAK'] ?? 1)
const SIM = 'sim?slots=16&decode=150&prefill=inf&kv=inf'
const PACE = {
  slots: 16,
  decodeTokensPerSecond: 150,
  prefillTokensPerSecond: Infinity,
  kvTokens: Infinity
}
const STREAMS = 16

function randomFor(t: TestContext): Random {
  const random = seededRandom()
  t.diagnostic(`HAIF_SEED=${random.seed}`)
  return random
}

/** Answers of 0.3 to 1.3 s. */
const startClients = (mesh: TestMesh, random: Random, count: number): Client[] =>
  Array.from({ length: count }, () => {
    const tokens = random.between(50, 200)
    return new Client(mesh, `question ${random.between(0, 1e9)}`, tokens)
  })

const outcomesOf = (clients: readonly Client[]): Promise<Outcome[]> =>
  Promise.all(clients.map(({ outcome }) => outcome))

async function assertAllWhole(clients: readonly Client[]): Promise<void> {
  const bad = (await outcomesOf(clients)).filter(({ error, problem }) => error ?? problem)
  assert.deepEqual(bad, [])
}

/** What every worker says of its models, by way of the registry. */
async function modelsOf(t: TestContext, mesh: TestMesh): Promise<() => Promise<WorkerModel[]>> {
  const client = await startPeer(t, mesh.topicKey, { role: 'client' })
  client.follow('registry')
  await until(() => client.links('registry').length > 0)
  return async () => {
    using context = createContext({ timeoutMs: patience(5000) })
    const { peers } = await client.links('registry')[0]!.call(registryList, {}, context)
    return peers.flatMap(({ worker }) => worker?.models ?? [])
  }
}

const timers = () =>
  process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length

const isIdle = ({ running, waiting }: WorkerModel) => running === 0 && waiting === 0

/** Makes a check that no stream is open, no worker has anything to do, and the mesh serves on. */
async function watch(t: TestContext, mesh: TestMesh): Promise<() => Promise<void>> {
  await mesh.ready()
  const models = await modelsOf(t, mesh)
  const links = () => mesh.meshes.flatMap((each) => each.links())
  return async () => {
    await until(() => links().every(({ openStreams }) => openStreams === 0))
    await until(async () => (await models()).every(isIdle))
    await assertAllWhole([new Client(mesh, 'still there?', 5)])
  }
}

async function meshOfProcesses(t: TestContext, count: number) {
  const mesh = await startMesh(t, { workers: [] })
  const workers = await Promise.all(
    Array.from({ length: count }, () => startWorkerProcess(t, mesh, SIM))
  )
  await connected(mesh, count)
  return { mesh, workers }
}

/** Waits until an orchestrator here knows so many workers. */
const connected = (mesh: TestMesh, count: number) =>
  until(() => peersOf(mesh, 'orchestrator').every((peer) => peer.links('worker').length >= count))

const peersOf = (mesh: TestMesh, role: string) => mesh.meshes.filter((peer) => peer.role === role)

/**
 * Waits until each of them has answered, of more requests than the others have slots. One that was
 * silent is asked last and gets a single request on trial; until it has answered that one nobody
 * could take over from the others.
 */
async function trusted(
  mesh: TestMesh,
  workers: readonly ServiceProcess[],
  random: Random
): Promise<void> {
  const silent = new Set(await Promise.all(workers.map(async ({ up }) => (await up).peer)))
  await until(async () => {
    const clients = startClients(mesh, random, PACE.slots + STREAMS)
    for (const { end } of await outcomesOf(clients)) {
      for (const key of end?.workers ?? []) silent.delete(key)
    }
    return silent.size === 0
  })
}

async function stopFor(worker: ServiceProcess, ms: number): Promise<void> {
  worker.kill('SIGSTOP')
  await sleep(ms)
  worker.kill('SIGCONT')
}

/** Says 100 slots and has one; whatever comes waits. */
class Liar extends SimEngine {
  override metrics(): EngineMetrics {
    return { ...super.metrics(), slots: 100, running: 0, waiting: 0 }
  }
}

// Most of the time they wait for something to be noticed.
describe('faults', { concurrency: 4 }, () => {
  const before = timers()
  // Every mesh has been stopped: what is left was forgotten.
  after(() => until(() => timers() <= before))

  test('workers killed with -9 under load: every stream is whole', async (t) => {
    const random = randomFor(t)
    const { mesh, workers } = await meshOfProcesses(t, 3)
    const nothingLeft = await watch(t, mesh)
    for (let round = 0; round < ROUNDS; round++) {
      const clients = startClients(mesh, random, STREAMS)
      for (let kill = 0; kill < 2; kill++) {
        await sleep(random.between(50, 600))
        const victim = random.between(0, workers.length)
        workers[victim]!.kill('SIGKILL')
        workers[victim] = await startWorkerProcess(t, mesh, SIM)
      }
      await assertAllWhole(clients)
    }
    await nothingLeft()
  })

  test('a worker that is stopped and goes on later: every stream is whole, and what it says too late is not heard', async (t) => {
    const random = randomFor(t)
    const { mesh, workers } = await meshOfProcesses(t, 2)
    const nothingLeft = await watch(t, mesh)
    for (let round = 0; round < ROUNDS; round++) {
      // Until a rival has begun; until it counts as lost.
      for (const ms of [random.between(1600, 2200), 3500]) {
        await trusted(mesh, workers, random)
        const clients = startClients(mesh, random, STREAMS)
        await sleep(random.between(50, 300))
        await stopFor(random.pick(workers), ms)
        await assertAllWhole(clients)
      }
    }
    await nothingLeft()
  })

  test('connections that are cut again and again: every stream is whole', async (t) => {
    const random = randomFor(t)
    const mesh = await startMesh(t, { gateways: 2, workers: [PACE, PACE, PACE] })
    await connected(mesh, 3)
    const nothingLeft = await watch(t, mesh)
    for (let round = 0; round < ROUNDS; round++) {
      const clients = startClients(mesh, random, STREAMS)
      for (let cut = 0; cut < 4; cut++) {
        await sleep(random.between(50, 300))
        const role = cut % 2 === 0 ? 'worker' : 'gateway'
        random.pick(peersOf(mesh, 'orchestrator')[0]!.links(role)).close('cut by the test')
        await connected(mesh, 2)
      }
      await assertAllWhole(clients)
    }
    await nothingLeft()
  })

  test('a worker that is far slower than it was asked to be: others take its streams over', async (t) => {
    const random = randomFor(t)
    const slow = { ...PACE, decodeTokensPerSecond: 0.4 }
    const mesh = await startMesh(t, { workers: [slow, PACE, PACE] })
    await connected(mesh, 3)
    const nothingLeft = await watch(t, mesh)
    await assertAllWhole(startClients(mesh, random, STREAMS))
    await nothingLeft()
  })

  test('a worker that lies about its slots: every stream is whole', async (t) => {
    const random = randomFor(t)
    const mesh = await startMesh(t, { workers: [PACE, PACE] })
    const open = async () => new Liar({ ...PACE, slots: 1 })
    await mesh.addWorker([{ name: 'sim', engine: 'sim', open }])
    await connected(mesh, 3)
    const nothingLeft = await watch(t, mesh)
    await assertAllWhole(startClients(mesh, random, STREAMS))
    await nothingLeft()
  })

  test('two orchestrators killed in turn: every stream is whole', async (t) => {
    const random = randomFor(t)
    const mesh = await startMesh(t, { orchestrators: 0, workers: [] })
    const start = () => startServiceProcess(t, mesh, 'orchestrator')
    const orchestrators = await Promise.all([start(), start()])
    await mesh.addSimWorker(PACE)
    await mesh.addSimWorker(PACE)
    const bothInUse = () =>
      until(() =>
        mesh.meshes
          .filter(({ role }) => role === 'worker' || role === 'gateway')
          .every((peer) => peer.links('orchestrator').length === 2)
      )
    await bothInUse()
    const nothingLeft = await watch(t, mesh)
    for (let round = 0; round < ROUNDS; round++) {
      for (const victim of [0, 1]) {
        const clients = startClients(mesh, random, STREAMS)
        await sleep(random.between(50, 300))
        orchestrators[victim]!.kill('SIGKILL')
        await assertAllWhole(clients)
        orchestrators[victim] = await start()
        await until(() => peersOf(mesh, 'gateway')[0]!.links('orchestrator').length === 2)
        await bothInUse()
      }
    }
    await nothingLeft()
  })

  test('DHT nodes restarted under load: no stream notices, and who comes later is found', async (t) => {
    const random = randomFor(t)
    const nodes = new BootstrapNodes({ host: '127.0.0.1', port: 0 })
    await nodes.start()
    const { address } = nodes
    const again = new BootstrapNodes({ host: address.host, port: address.port })
    atEnd(t, () => again.stop())
    const secret = Buffer.alloc(32, random.between(0, 256))
    const topicKey = { secret, reach: 'local', bootstrap: [address] } as const
    const mesh = new TestMesh(t, { ...topicKey, bootstrap: [address] }, silentLogger())
    await mesh.addRegistry()
    // As deployed: it announces itself every few seconds.
    await startServiceProcess(t, mesh, 'orchestrator')
    await mesh.addGateway()
    await mesh.addSimWorker(PACE)
    const nothingLeft = await watch(t, mesh)
    const clients = startClients(mesh, random, PACE.slots)
    await sleep(random.between(50, 300))
    await nodes.stop()
    await sleep(random.between(50, 300))
    await again.start()
    const late = await mesh.addSimWorker({ ...PACE, name: 'late' })
    await assertAllWhole(clients)
    await until(() => late.mesh.links('orchestrator').length > 0, 30_000)
    await nothingLeft()
  })

  test('500 clients that leave at random: those that stay get their answers, and nothing is left', async (t) => {
    const random = randomFor(t)
    const mesh = await startMesh(t, {
      maxConcurrentPerCaller: 1000,
      workers: [
        { ...PACE, slots: 64 },
        { ...PACE, slots: 64 }
      ]
    })
    await connected(mesh, 2)
    const nothingLeft = await watch(t, mesh)
    for (let round = 0; round < ROUNDS; round++) {
      const clients = Array.from(
        { length: 500 },
        (_, i) => new Client(mesh, `client ${i}`, random.between(10, 60))
      )
      const leaving = clients.filter(() => random.next() < 0.75)
      for (const client of leaving) setTimeout(() => client.leave(), random.between(0, 1000))
      const outcomes = await outcomesOf(clients)
      for (const [i, { error, problem }] of outcomes.entries()) {
        assert.ok(problem === null, problem ?? '')
        if (error !== null) assert.ok(leaving.includes(clients[i]!), error)
        if (error !== null) assert.equal(error, 'CANCELLED')
      }
    }
    await nothingLeft()
  })
})
