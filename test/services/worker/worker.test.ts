/** The life of a worker, seen from the process that runs it. */
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { workerChallenge, workerDrain } from '#shared/contracts/peers/drain.ts'
import { silentLogger } from '#shared/process/log.ts'
import { createContext } from '#shared/rpc/context.ts'
import { modelSource } from '../../../services/worker/models/sources/model-uri.ts'
import { createWorker, type WorkerDeps } from '../../../services/worker/worker.ts'
import { startMesh, type TestMesh } from '../../helpers/mesh/mesh.ts'
import { startPeer } from '../../helpers/peers/peers.ts'
import { until } from '../../helpers/until.ts'

async function startWorker(
  t: TestContext,
  mesh: TestMesh,
  model: string,
  more: Partial<WorkerDeps> = {}
) {
  const worker = createWorker({
    join: mesh.joiner('worker'),
    models: [modelSource(model, { folder: '/nowhere' })],
    self: { host: 'test', version: '0.0.0' },
    onDrain: () => worker.stop(),
    drainMs: 1000,
    log: silentLogger(),
    ...more
  })
  t.after(() => worker.stop())
  await worker.start()
  return worker
}

const onlyRegistry = (t: TestContext) =>
  startMesh(t, { gateways: 0, orchestrators: 0, workers: [] })

suite('a worker', () => {
  test('is ready with an orchestrator and a model, and says which of them is missing', async (t) => {
    const mesh = await onlyRegistry(t)
    const worker = await startWorker(t, mesh, 'sim:m?load=200')
    const lonely = { ready: false, reason: 'no orchestrator is connected' }
    assert.deepEqual(worker.health?.(), lonely)
    const orchestrator = await mesh.addOrchestrator()
    await worker.connected()
    await worker.loaded()
    assert.deepEqual(worker.health?.(), { ready: true })
    await orchestrator.stop()
    await until(() => worker.health?.().ready === false)
    assert.deepEqual(worker.health?.(), lonely)
  })

  test('says why it is not ready when its model has failed', async (t) => {
    const mesh = await onlyRegistry(t)
    await mesh.addOrchestrator()
    const worker = await startWorker(t, mesh, '/nowhere/gone.gguf')
    await worker.connected()
    await worker.loaded()
    const { message } = worker.hopeless()!
    assert.match(message, /gone\.gguf/)
    assert.deepEqual(worker.health?.(), { ready: false, reason: message })
  })

  test('reports that its last orchestrator is lost, and that one is back', async (t) => {
    const mesh = await onlyRegistry(t)
    const orchestrators = [await mesh.addOrchestrator(), await mesh.addOrchestrator()]
    const heard: boolean[] = []
    const onConnected = (connected: boolean) => heard.push(connected)
    const worker = await startWorker(t, mesh, 'sim', { onConnected })
    const own = mesh.meshes.at(-1)!
    const links = () => own.links('orchestrator').length
    await until(() => links() === 2)
    assert.deepEqual(heard, [true])
    await orchestrators[0]!.stop()
    await until(() => links() === 1)
    assert.deepEqual(heard, [true])
    await orchestrators[1]!.stop()
    await until(() => links() === 0)
    assert.deepEqual(heard, [true, false])
    await mesh.addOrchestrator()
    await until(() => heard.length === 3)
    await worker.stop()
    assert.deepEqual(heard, [true, false, true], 'its own stop is no loss')
  })

  test('answers when it is asked to leave, and goes on when it cannot be stopped', async (t) => {
    const mesh = await onlyRegistry(t)
    const asked = Promise.withResolvers<void>()
    const onDrain = () => {
      asked.resolve()
      throw new Error('it cannot stop now')
    }
    await startWorker(t, mesh, 'sim', { onDrain })
    const { key } = mesh.meshes.at(-1)!
    const peer = await startPeer(t, mesh.topicKey, { role: 'orchestrator' })
    await until(() => peer.link(key) !== undefined)
    using context = createContext({ timeoutMs: 5000 })
    const { nonce } = await peer.link(key)!.call(workerChallenge, {}, context)
    const order = { act: 'worker.drain', target: key, nonce, actor: 'op', requestId: 'r' }
    const gateway = await startPeer(t, mesh.topicKey, { role: 'gateway' })
    const statement = gateway.state('order', JSON.stringify(order))
    await peer.link(key)!.call(workerDrain, { order: statement }, context)
    await asked.promise
    assert.equal(peer.link(key)?.isClosed, false, 'a worker that cannot stop goes on')
  })
})
