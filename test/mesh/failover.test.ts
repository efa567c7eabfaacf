/** What a client notices when the peers that serve it go away: nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HaifError } from '#shared/errors.ts'
import { expectedText } from '../helpers/checker.ts'
import { createContext } from '#shared/rpc/context.ts'
import { startMesh, type TestMesh } from '../helpers/mesh/mesh.ts'
import { until } from '../helpers/until.ts'
import { patience } from '../helpers/deadline.ts'

const PACE = { slots: 4, decodeTokensPerSecond: 200, prefillTokensPerSecond: Infinity }

/** Sends a prompt, and calls `strike` once when some of the answer has come. */
async function inferWhile(mesh: TestMesh, prompt: string, tokens: number, strike: () => void) {
  using context = createContext({ timeoutMs: patience(30_000) })
  let text = ''
  let struck = false
  return await mesh.inferIn(context, { prompt, maxTokens: tokens }, (part) => {
    text += part
    if (struck || text.length < 40) return
    struck = true
    strike()
  })
}

const peersWithStreams = (mesh: TestMesh, role: string) =>
  mesh.meshes.filter(
    (peer) => peer.role === role && peer.links().some((link) => link.openStreams > 0)
  )

for (const role of ['worker', 'orchestrator', 'gateway'] as const) {
  test(`a ${role} lost in the middle of an answer: the answer goes on, nothing lost or doubled`, async (t) => {
    const mesh = await startMesh(t, { gateways: 2, orchestrators: 2, workers: [PACE, PACE] })
    await until(() =>
      mesh.meshes
        .filter((peer) => peer.role === 'gateway' || peer.role === 'worker')
        .every((peer) => peer.links('orchestrator').length === 2)
    )
    const { text, tokenIds, end } = await inferWhile(mesh, 'go on', 200, () => {
      const [serving] = peersWithStreams(mesh, role)
      for (const link of serving!.links()) link.close('struck by the test')
    })
    assert.equal(text, expectedText('go on', 200))
    assert.equal(tokenIds.length, 200)
    assert.equal(end.usage.completionTokens, 200)
    if (role === 'worker') assert.equal(end.attempts, 2)
  })
}

test('the only worker lost in the middle: the answer ends with WORKER_LOST', async (t) => {
  const mesh = await startMesh(t, { workers: [PACE] })
  const answer = inferWhile(mesh, 'alone', 400, () => {
    const [worker] = peersWithStreams(mesh, 'worker')
    void worker!.stop()
  })
  await assert.rejects(answer, { code: 'WORKER_LOST' })
})

test('a worker that falls silent gets a rival, and the first to speak wins', async (t) => {
  const mesh = await startMesh(t, { workers: [] })
  const silent = await mesh.addSimWorker({ ...PACE, decodeTokensPerSecond: 0.01 })
  await mesh.ready()
  const answer = mesh.infer({ prompt: 'speak', maxTokens: 20 })
  await until(() => silent.mesh.links('orchestrator').some((link) => link.openStreams > 0))
  const quick = await mesh.addSimWorker(PACE)
  const { text, end } = await answer
  assert.equal(text, expectedText('speak', 20))
  assert.deepEqual(end.workers, [silent.key, quick.key])
  await until(() => silent.mesh.links().every((link) => link.openStreams === 0)) // fenced
})

test('requests wait in the queue while all slots are taken, and every one is answered', async (t) => {
  const mesh = await startMesh(t, { workers: [{ ...PACE, slots: 2 }] })
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) => mesh.infer({ prompt: `wait ${i}`, maxTokens: 10 }))
  )
  for (const [i, { text, end }] of answers.entries()) {
    assert.equal(text, expectedText(`wait ${i}`, 10))
    assert.ok(end.timings.queueMs < 100, 'it waited at the orchestrator, not at the worker')
  }
})

test('the first request of a small tenant does not wait behind many of a large one', async (t) => {
  const mesh = await startMesh(t, { workers: [{ ...PACE, slots: 1, decodeTokensPerSecond: 400 }] })
  let largeDone = 0
  const large = Array.from({ length: 60 }, async () => {
    await mesh.infer({ tenantId: 'large', maxTokens: 10 })
    largeDone++
  })
  await until(() => largeDone >= 3)
  const before = largeDone
  await mesh.infer({ tenantId: 'small', maxTokens: 10 })
  assert.ok(largeDone - before <= 3, `${largeDone - before} of the large tenant went first`)
  await Promise.all(large)
})

test('a request that cannot start within its deadline is refused at once, with a time to come back', async (t) => {
  const mesh = await startMesh(t, { workers: [{ ...PACE, slots: 1, decodeTokensPerSecond: 100 }] })
  await mesh.infer({ maxTokens: 50 }) // about 0.5 s: now the service time is known
  const others = Array.from({ length: 4 }, () => mesh.infer({ maxTokens: 50 }))
  using context = createContext({ timeoutMs: 1000 })
  await assert.rejects(mesh.inferIn(context, { maxTokens: 50 }), (error: Error) => {
    const { code, retryAfterMs } = error as { code?: string; retryAfterMs?: number }
    return code === 'WORKER_OVERLOADED' && retryAfterMs! > 1000
  })
  assert.ok(context.remainingMs() > 500)
  await Promise.all(others)
})

test('those who ask are told their place in the queue', async (t) => {
  const mesh = await startMesh(t, { workers: [{ ...PACE, slots: 1 }] })
  const first = Array.from({ length: 3 }, () => mesh.infer({ maxTokens: 20 }))
  const { queued, text } = await mesh.infer({ prompt: 'q', maxTokens: 5, watchQueue: true })
  assert.equal(text, expectedText('q', 5))
  assert.ok(queued.length > 0)
  assert.ok(queued[0]!.ahead >= 1)
  await Promise.all(first)
})

test('a prompt goes where its beginning has been seen, while there is a slot', async (t) => {
  const mesh = await startMesh(t, {
    workers: Array.from({ length: 4 }, () => ({ ...PACE, prefillTokensPerSecond: 20_000 }))
  })
  const system = 'You are a helpful assistant. '.repeat(100)
  const first = await mesh.infer({ prompt: `${system} one`, maxTokens: 2 })
  for (const question of ['two', 'three', 'four', 'five']) {
    const { end } = await mesh.infer({ prompt: `${system} ${question}`, maxTokens: 2 })
    assert.deepEqual(end.workers, first.end.workers)
  }
})

test('a request with labels goes only to a worker that has them, or is refused with the reason', async (t) => {
  const mesh = await startMesh(t, { workers: [PACE] })
  await assert.rejects(mesh.infer({ labels: { gpu: 'yes' } }), {
    code: 'NO_ELIGIBLE_WORKER',
    message: 'sim: no worker has the label gpu=yes'
  })
  const labelled = await mesh.addSimWorker(PACE, { gpu: 'yes' })
  await until(async () => {
    const answer = await mesh.infer({ labels: { gpu: 'yes' } }).catch(() => null)
    return answer?.end.workers?.[0] === labelled.key
  })
})

test('X-HAIF-Explain: the end says what placement saw and why it chose', async (t) => {
  const mesh = await startMesh(t, { workers: [PACE, { ...PACE, prefillTokensPerSecond: 100 }] })
  const { end } = await mesh.infer({ prompt: 'x'.repeat(400), explain: true })
  const [explanation] = end.explanations!
  assert.equal(explanation!.worker, end.workers![0])
  assert.match(explanation!.reason, /^least expected time to first token, [\d.]+ ms \(wait 0 \+ /)
  assert.equal(explanation!.candidates.length, 2)
  const [slow] = explanation!.candidates.filter(({ worker }) => worker !== end.workers![0])
  assert.ok(slow!.expectedMs > explanation!.candidates.find((c) => c !== slow)!.expectedMs)
})

test('an alias is answered by its first model that has a slot free, and the reply names it', async (t) => {
  const aliases = new Map([['fast', ['a', 'b']]])
  const mesh = await startMesh(t, { workers: [], aliases })
  await mesh.addSimWorker({ ...PACE, name: 'b' })
  await mesh.ready()
  assert.equal((await mesh.infer({ model: 'fast', maxTokens: 2 })).end.model, 'b')
  await mesh.addSimWorker({ ...PACE, name: 'a', slots: 1 })
  await until(async () => (await mesh.infer({ model: 'fast', maxTokens: 2 })).end.model === 'a')
  const busy = mesh.infer({ model: 'a', maxTokens: 100 })
  await until(() => peersWithStreams(mesh, 'worker').length > 0)
  assert.equal((await mesh.infer({ model: 'fast', maxTokens: 2 })).end.model, 'b')
  await busy
})

test('Idempotency-Key: a repeated request joins the first one, also through another gateway', async (t) => {
  const mesh = await startMesh(t, { gateways: 2, orchestrators: 2, workers: [PACE, PACE] })
  const request = { prompt: 'once', maxTokens: 60, idempotencyKey: 'k1', tenantId: 'a' }
  const [one, two] = await Promise.all([mesh.infer(request), mesh.infer(request)])
  const again = await mesh.infer(request)
  assert.equal(one.text, expectedText('once', 60))
  const ends = [one, two, again].map(({ end: { repeated = false, ...end } }) => ({ repeated, end }))
  for (const { end } of ends) assert.deepEqual(end, ends[0]!.end) // the same run, to the timings
  assert.deepEqual([two.text, again.text], [one.text, one.text])
  assert.equal(ends.filter(({ repeated }) => repeated).length, 2) // it is charged once
  await assert.rejects(mesh.infer({ ...request, prompt: 'other' }), { code: 'CONFLICT' })
  const foreign = await mesh.infer({ ...request, tenantId: 'b' })
  assert.notDeepEqual(foreign.end.timings, one.end.timings)
})

test('Idempotency-Key: a client that lost its connection finds its answer', async (t) => {
  const mesh = await startMesh(t, { workers: [PACE] })
  const request = { prompt: 'lost', maxTokens: 100, idempotencyKey: 'k2' }
  using context = createContext({ timeoutMs: patience(30_000) })
  const first = mesh.inferIn(context, request, () =>
    context.abort(new HaifError('CANCELLED', 'the connection broke'))
  )
  await assert.rejects(first, { code: 'CANCELLED' })
  const { text, end } = await mesh.infer(request)
  assert.equal(text, expectedText('lost', 100))
  assert.equal(end.attempts, 1)
})
