/**
 * What a client notices while gateways and orchestrators stop, break off and come back: nothing.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from 'typebox'
import { FROM_CALLERS } from '#shared/contracts/peers/parties.ts'
import { defineMethod } from '#shared/rpc/contract.ts'
import { expectedText } from '../helpers/checker.ts'
import { createContext } from '#shared/rpc/context.ts'
import { startMesh, type TestMesh } from '../helpers/mesh/mesh.ts'
import { until } from '../helpers/until.ts'
import { patience } from '../helpers/deadline.ts'

const PACE = { slots: 4, decodeTokensPerSecond: 200, prefillTokensPerSecond: Infinity }

const peersOf = (mesh: TestMesh, role: string) => mesh.meshes.filter((peer) => peer.role === role)
const streamsOf = (mesh: TestMesh, role: string) =>
  peersOf(mesh, role)
    .flatMap((peer) => peer.links())
    .reduce((sum, link) => sum + link.openStreams, 0)

const fullyConnected = (mesh: TestMesh, orchestrators: number) =>
  until(() =>
    mesh.meshes
      .filter(({ role }) => role === 'gateway' || role === 'worker')
      .every((peer) => peer.links('orchestrator').length === orchestrators)
  )

test('an orchestrator that is stopped hands its streams and its queue over to another one', async (t) => {
  const mesh = await startMesh(t, { orchestrators: 0, workers: [] })
  const services = [await mesh.addOrchestrator(), await mesh.addOrchestrator()]
  await mesh.addSimWorker(PACE)
  await fullyConnected(mesh, 2)
  await mesh.ready()
  const answers = Array.from({ length: 8 }, (_, i) =>
    mesh.infer({ prompt: `go on ${i}`, maxTokens: 100 })
  )
  // On both four run or wait: no orchestrator knows at once what the other one has placed.
  await until(() => streamsOf(mesh, 'worker') >= 4)
  await services[0]!.stop()
  for (const [i, { text, tokenIds }] of (await Promise.all(answers)).entries()) {
    assert.equal(text, expectedText(`go on ${i}`, 100))
    assert.equal(tokenIds.length, 100)
  }
})

test('a request is sent again over the new connection when the only orchestrator has come back', async (t) => {
  const mesh = await startMesh(t, { workers: [] })
  const [orchestrator] = peersOf(mesh, 'orchestrator')
  await mesh.addSimWorker({ ...PACE, slots: 1 })
  await mesh.ready()
  const running = mesh.infer({ maxTokens: 100 })
  await until(() => streamsOf(mesh, 'worker') > 0)
  const waiting = mesh.infer({ prompt: 'again', maxTokens: 5 })
  await until(() => orchestrator!.links('gateway')[0]!.openStreams === 2)
  orchestrator!.links('gateway')[0]!.close('struck by the test')
  assert.equal((await waiting).text, expectedText('again', 5))
  assert.equal((await running).tokenIds.length, 100)
})

test('what the only gateway does not know yet is refused at once, not when another may come', async (t) => {
  const mesh = await startMesh(t, { orchestrators: 0, workers: [] })
  await mesh.readiness()
  const unknown = defineMethod('gateway.later', FROM_CALLERS, Type.Object({}), Type.Object({}))
  using context = createContext({ timeoutMs: patience(60_000) })
  const calling = (await mesh.client()).call(unknown, {}, context)
  await assert.rejects(calling, { code: 'PROTOCOL_MISMATCH' }) // NO_PEER after a wait
})

test('two with one Idempotency-Key read on, each where it was, when their orchestrator is lost', async (t) => {
  const mesh = await startMesh(t, { gateways: 2, orchestrators: 0, workers: [] })
  const services = [await mesh.addOrchestrator(), await mesh.addOrchestrator()]
  await mesh.addSimWorker(PACE)
  await mesh.addSimWorker(PACE)
  await fullyConnected(mesh, 2)
  await mesh.ready()
  const request = { prompt: 'both', maxTokens: 150, idempotencyKey: 'k', tenantId: 'a' }
  const clients = [request, request].map(async (given) => {
    using context = createContext({ timeoutMs: patience(30_000) })
    return await mesh.inferIn(context, given)
  })
  await until(() => streamsOf(mesh, 'worker') > 0)
  const serving = peersOf(mesh, 'orchestrator').findIndex((peer) =>
    peer.links('worker').some((link) => link.openStreams > 0)
  )
  await services[serving]!.stop()
  for (const { text, tokenIds } of await Promise.all(clients)) {
    assert.equal(text, expectedText('both', 150))
    assert.equal(tokenIds.length, 150)
  }
})

test('an alias waits for a model that is busy rather than ask one that has failed', async (t) => {
  const aliases = new Map([['fast', ['broken', 'busy']]])
  const mesh = await startMesh(t, { workers: [], aliases })
  const broken = {
    name: 'broken',
    engine: 'sim',
    open: () => Promise.reject(new Error('the file is damaged'))
  }
  await mesh.addWorker([broken])
  await mesh.addSimWorker({ ...PACE, name: 'busy', slots: 1 })
  await mesh.ready()
  const running = mesh.infer({ model: 'busy', maxTokens: 60 })
  await until(() => streamsOf(mesh, 'worker') > 0)
  assert.equal((await mesh.infer({ model: 'fast', maxTokens: 3 })).end.model, 'busy')
  await running
})

test('an answer that has begun stays with its model, also where its alias would choose another', async (t) => {
  const aliases = new Map([['fast', ['a', 'b']]])
  const mesh = await startMesh(t, { workers: [], aliases })
  const { worker } = await mesh.addSimWorker({ ...PACE, name: 'b' })
  await mesh.ready()
  const digest = worker.models()[0]!.digest
  const { tokenIds, text, end } = await mesh.infer({ model: 'fast', maxTokens: 4 })
  assert.equal(end.model, 'b')
  await mesh.addSimWorker({ ...PACE, name: 'a' })
  await until(async () => (await mesh.infer({ model: 'fast', maxTokens: 1 })).end.model === 'a')
  const sent = { tokenIds, text, digest: digest! }
  assert.equal((await mesh.infer({ model: 'fast', maxTokens: 8, sent })).end.model, 'b')
})
