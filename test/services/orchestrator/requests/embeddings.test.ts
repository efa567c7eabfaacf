/** Embeddings through a whole mesh: which worker makes them, and what when it fails. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gatewayEmbed, type EmbedAsked } from '#shared/contracts/inference/embedding.ts'
import { decodeVector } from '#shared/contracts/inference/vectors.ts'
import { HaifError, type ErrorCode } from '#shared/errors.ts'
import { createContext } from '#shared/rpc/context.ts'
import { ModelAliases } from '../../../../services/orchestrator/requests/model-aliases.ts'
import { embedSomewhere } from '../../../../services/orchestrator/requests/embeddings.ts'
import { embeddingSource } from '../../../helpers/mesh/embedding-engine.ts'
import { startMesh, type TestMesh } from '../../../helpers/mesh/mesh.ts'
import { until } from '../../../helpers/until.ts'
import { ask, linkTo, longContext, modelReport, startDispatcher } from '../workers/table.ts'

const REQUEST = { asked: { inputs: ['x'] }, charge: {} }

async function embed(mesh: TestMesh, asked: Partial<EmbedAsked> = {}) {
  using context = createContext({ timeoutMs: 20_000 })
  const pool = await mesh.client()
  return await pool.call(
    gatewayEmbed,
    { asked: { inputs: ['one', 'three'], ...asked }, charge: {} },
    context
  )
}

/** Until as many workers can make them as should. */
async function ready(mesh: TestMesh, model = 'sim'): Promise<void> {
  await mesh.ready()
  await until(() =>
    embed(mesh, { model }).then(
      () => true,
      (error: HaifError) => error.code !== 'NO_ELIGIBLE_WORKER' && error.code !== 'MODEL_NOT_FOUND'
    )
  )
}

test('vectors come back in order, from a worker that can make them', async (t) => {
  const mesh = await startMesh(t, { workers: [{ name: 'plain' }] })
  const { key } = await mesh.addWorker([embeddingSource()])
  await ready(mesh)
  const reply = await embed(mesh, { model: 'sim' })
  assert.deepEqual([...decodeVector(reply.vectors[1]!)], [5, 5, 5, 5])
  assert.deepEqual(
    { ...reply, vectors: reply.vectors.length },
    { model: 'sim', provider: 'sim', vectors: 2, promptTokens: 2, worker: key }
  )
  assert.equal((await embed(mesh)).model, 'sim', 'without a name one that can')
  await assert.rejects(embed(mesh, { model: 'plain' }), { code: 'UNSUPPORTED_PARAMETER' })
  await assert.rejects(embed(mesh, { model: 'nobody' }), { code: 'MODEL_NOT_FOUND' })
  await assert.rejects(embed(mesh, { labels: { gpu: 'yes' } }), { code: 'NO_ELIGIBLE_WORKER' })
})

test('a worker that fails is replaced by another, before the caller hears of it', async (t) => {
  const mesh = await startMesh(t, { workers: [] })
  let failures = 0
  const failing = async () => {
    failures++
    throw new HaifError('ENGINE_FAILED', 'the process died')
  }
  await mesh.addWorker([embeddingSource({ onEmbed: failing })])
  await ready(mesh)
  await assert.rejects(embed(mesh), { code: 'ENGINE_FAILED' })
  // It has more to do, so the other one is asked first.
  const labels = { second: 'yes' }
  const { key } = await mesh.addWorker([embeddingSource({ busy: true })], labels)
  await until(async () => (await embed(mesh, { labels }).catch(() => null))?.worker === key)
  failures = 0
  assert.equal((await embed(mesh)).worker, key)
  assert.equal(failures, 1)
})

test('R10: a worker that stops is lost to the caller: the orchestrator is not stopping', async (t) => {
  const mesh = await startMesh(t, { workers: [] })
  let asked = 0
  const onEmbed = () => {
    asked++
    throw new HaifError('SHUTTING_DOWN', 'this worker is stopping')
  }
  await mesh.addWorker([embeddingSource({ onEmbed })])
  await ready(mesh)
  asked = 0
  await assert.rejects(embed(mesh), { code: 'WORKER_LOST' })
  assert.equal(asked, 1, 'no other orchestrator asks it again')
})

test('R5: a worker whose breaker has opened makes no embeddings, until one on trial succeeds', async (t) => {
  const { table, dispatcher, clock, report } = startDispatcher()
  let code: ErrorCode | null = 'ENGINE_FAILED'
  let calls = 0
  const call = async () => {
    calls++
    if (code !== null) throw new HaifError(code, 'the worker answers so')
    return { model: 'm', provider: 'sim', vectors: [''], promptTokens: 1 }
  }
  report(
    'w',
    [modelReport({ embeddings: true })],
    linkTo('w', { call: () => call() as Promise<never> })
  )
  const pumped: string[] = []
  const deps = {
    table,
    aliases: new ModelAliases(),
    now: () => clock.ms,
    pump: (model: string) => void pumped.push(model)
  }
  const embedOnce = () => embedSomewhere(deps, REQUEST, longContext(t))
  const { breaker: before } = table.holding('w', 'm')!
  code = 'CONTEXT_TOO_LONG'
  for (let i = 0; i < 4; i++) await assert.rejects(embedOnce(), { code })
  assert.equal(table.holding('w', 'm')!.breaker, before, 'the request is to blame')
  code = 'ENGINE_FAILED'
  for (let i = 0; i < 3; i++) await assert.rejects(embedOnce(), { code })
  await assert.rejects(embedOnce(), { code: 'NO_ELIGIBLE_WORKER', message: /fails at present/ })
  assert.equal(dispatcher.tryNow(ask()), null, 'for inferences it is open too')
  clock.ms += 1000
  code = null
  calls = 0
  assert.equal((await embedOnce()).worker, 'w')
  assert.equal(calls, 1)
  assert.equal(table.holding('w', 'm')!.load, 0, 'embeddings take no slot')
  assert.deepEqual(pumped.at(-1), 'm')
  assert.notEqual(dispatcher.tryNow(ask()), null)
})

test('what the request is to blame for is not tried elsewhere', async (t) => {
  const mesh = await startMesh(t, { workers: [] })
  const asked: string[] = []
  for (const name of ['a', 'b']) {
    const onEmbed = () => {
      asked.push(name)
      throw new HaifError('CONTEXT_TOO_LONG', 'input 0 is too long')
    }
    await mesh.addWorker([embeddingSource({ onEmbed })])
  }
  await ready(mesh)
  asked.length = 0
  await assert.rejects(embed(mesh), { code: 'CONTEXT_TOO_LONG' })
  assert.equal(asked.length, 1)
})

test('the largest reply fits one call, and more is refused with how many would', async (t) => {
  const mesh = await startMesh(t, { workers: [] })
  await mesh.addWorker([embeddingSource({ vectorSize: 8192 })])
  await ready(mesh)
  const inputs = Array.from({ length: 88 }, () => 'x')
  const { vectors } = await embed(mesh, { inputs })
  assert.equal(decodeVector(vectors[87]!).length, 8192)
  await assert.rejects(embed(mesh, { inputs: [...inputs, 'x'] }), /send at most 88/)
})

test('a caller that leaves stops the work', async (t) => {
  const mesh = await startMesh(t, { workers: [] })
  let stopped = false
  let waiting = false
  const onEmbed = async (signal: AbortSignal) => {
    if (!armed) return
    waiting = true
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    stopped = true
    throw signal.reason
  }
  let armed = false
  await mesh.addWorker([embeddingSource({ onEmbed })])
  await ready(mesh)
  armed = true
  using context = createContext({ timeoutMs: 20_000 })
  const pool = await mesh.client()
  const running = pool.call(gatewayEmbed, REQUEST, context)
  const refused = assert.rejects(running, { code: 'CANCELLED' })
  await until(() => waiting)
  context.abort(new HaifError('CANCELLED', 'left'))
  await refused
  await until(() => stopped)
})
