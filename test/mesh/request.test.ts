import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HaifError } from '#shared/errors.ts'
import { expectedText } from '../helpers/checker.ts'
import { createContext } from '#shared/rpc/context.ts'
import { startMesh, type TestMesh } from '../helpers/mesh/mesh.ts'
import { until } from '../helpers/until.ts'
import { patience } from '../helpers/deadline.ts'

test('a request goes through gateway, orchestrator and worker, and says who served it', async (t) => {
  const mesh = await startMesh(t)
  const { text, tokenIds, end } = await mesh.infer({ prompt: 'hello mesh', maxTokens: 40 })
  assert.equal(text, expectedText('hello mesh', 40))
  assert.equal(tokenIds.length, 40)
  assert.equal(end.model, 'sim')
  assert.equal(end.provider, 'sim')
  assert.equal(end.finishReason, 'length')
  assert.deepEqual(end.usage, { promptTokens: 3, cachedPromptTokens: 0, completionTokens: 40 })
  assert.equal(end.attempts, 1)
  assert.deepEqual(end.workers, [mesh.meshes.at(-1)!.key])
})

test('requests spread over equal workers', async (t) => {
  const mesh = await startMesh(t, {
    workers: [
      { slots: 4, decodeTokensPerSecond: 200 },
      { slots: 4, decodeTokensPerSecond: 200 }
    ]
  })
  const ends = await Promise.all(
    Array.from({ length: 20 }, (_, i) => mesh.infer({ prompt: `request ${i}` }))
  )
  const byWorker = Object.groupBy(ends, ({ end }) => end.workers![0]!)
  const counts = Object.values(byWorker).map((list) => list!.length)
  assert.equal(counts.length, 2)
  assert.ok(Math.min(...counts) >= 8, `spread ${counts.join(':')}`)
  for (const [i, { text }] of ends.entries()) assert.equal(text, expectedText(`request ${i}`, 16))
})

test('a model that nobody holds is MODEL_NOT_FOUND; no worker at all is NO_ELIGIBLE_WORKER', async (t) => {
  const mesh = await startMesh(t)
  await assert.rejects(mesh.infer({ model: 'nobody' }), {
    code: 'MODEL_NOT_FOUND',
    message: 'no worker holds nobody; there is sim'
  })
  const empty = await startMesh(t, { workers: [] })
  await assert.rejects(empty.infer(), { code: 'NO_ELIGIBLE_WORKER' })
})

test('a parameter that the engine cannot do is refused by name', async (t) => {
  const mesh = await startMesh(t)
  await assert.rejects(mesh.infer({ sampling: { frequencyPenalty: 1 } }), {
    code: 'UNSUPPORTED_PARAMETER',
    details: { param: 'frequencyPenalty' }
  })
})

test('a prompt longer than the context is refused before any decoding', async (t) => {
  const mesh = await startMesh(t, { workers: [{ contextTokens: 32 }] })
  await assert.rejects(mesh.infer({ prompt: 'x'.repeat(400) }), { code: 'CONTEXT_TOO_LONG' })
})

test('over the limit of requests at the same time a caller gets RATE_LIMITED, and may come back', async (t) => {
  const mesh = await startMesh(t, {
    workers: [{ decodeTokensPerSecond: 50 }],
    maxConcurrentPerCaller: 2
  })
  const running = [mesh.infer({ tenantId: 'a' }), mesh.infer({ tenantId: 'a' })]
  await assert.rejects(mesh.infer({ tenantId: 'a' }), (error: HaifError) => {
    return error.code === 'RATE_LIMITED' && error.retryAfterMs === 1000
  })
  await mesh.infer({ tenantId: 'b' })
  await Promise.all(running)
  await mesh.infer({ tenantId: 'a' })
})

test('a cancelled request stops the engine', async (t) => {
  const mesh = await startMesh(t, { workers: [{ slots: 1, decodeTokensPerSecond: 50 }] })
  using context = createContext({ timeoutMs: patience(30_000) })
  const request = mesh.inferIn(context, { maxTokens: 4000 }, () =>
    context.abort(new HaifError('CANCELLED', 'enough'))
  )
  await assert.rejects(request, { code: 'CANCELLED' })
  await mesh.infer() // the only slot is free again
})

test('a deadline ends a request with DEADLINE_EXCEEDED', async (t) => {
  const mesh = await startMesh(t, { workers: [{ slots: 1, decodeTokensPerSecond: 10 }] })
  using context = createContext({ timeoutMs: 300 })
  await assert.rejects(mesh.inferIn(context, { maxTokens: 1000 }), { code: 'DEADLINE_EXCEEDED' })
  await mesh.infer({ maxTokens: 1 })
})

test('a worker that stops is given nothing new, and what had not begun goes elsewhere', async (t) => {
  const mesh = await startMesh(t, { workers: [] })
  const slow = { slots: 2, decodeTokensPerSecond: 100, prefillTokensPerSecond: 10 }
  const leaving = await mesh.addSimWorker(slow)
  await mesh.addSimWorker(slow)
  await mesh.ready()
  const requests = Array.from({ length: 8 }, (_, i) => mesh.infer({ prompt: `r${i}` }))
  await until(() => leaving.mesh.links('orchestrator').some((link) => link.openStreams > 0))
  await leaving.worker.stop()
  const ends = await Promise.allSettled(requests)
  assert.deepEqual(
    ends.filter(({ status }) => status === 'rejected'),
    []
  )
})

test('several orchestrators and gateways serve one mesh, and losing one loses nothing new', async (t) => {
  const mesh = await startMesh(t, { orchestrators: 2, gateways: 2, workers: [{}, {}] })
  const services = mesh.meshes
  await until(() =>
    services
      .filter(({ role }) => role === 'worker')
      .every((m) => m.links('orchestrator').length === 2)
  )
  await until(() =>
    services
      .filter(({ role }) => role === 'gateway')
      .every((m) => m.links('orchestrator').length === 2)
  )
  const [orchestrator] = services.filter(({ role }) => role === 'orchestrator')
  const [gateway] = services.filter(({ role }) => role === 'gateway')
  await mesh.infer()
  await orchestrator!.stop()
  await gateway!.stop()
  await Promise.all(Array.from({ length: 20 }, (_, i) => mesh.infer({ prompt: `after ${i}` })))
})

test('a mesh that starts in any order comes together', async (t) => {
  const complete = await startMesh(t, { gateways: 0, orchestrators: 0, workers: [] })
  const mesh: TestMesh = complete
  await mesh.addSimWorker()
  await mesh.addGateway()
  await mesh.addOrchestrator()
  await mesh.ready()
  await mesh.infer({ maxTokens: 1 })
})
