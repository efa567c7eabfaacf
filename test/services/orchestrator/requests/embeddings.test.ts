/** Embeddings through a whole mesh: which worker makes them, and what when it fails. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decodeVector,
  gatewayEmbed,
  type EmbedRequest
} from '#shared/contracts/inference/embedding.ts'
import { HaifError } from '#shared/errors.ts'
import { createContext } from '#shared/rpc/context.ts'
import { embeddingSource } from '../../../helpers/mesh/embedding-engine.ts'
import { startMesh, type TestMesh } from '../../../helpers/mesh/mesh.ts'
import { until } from '../../../helpers/until.ts'

async function embed(mesh: TestMesh, request: Partial<EmbedRequest> = {}) {
  using context = createContext({ timeoutMs: 20_000 })
  const pool = await mesh.client()
  return await pool.call(gatewayEmbed, { inputs: ['one', 'three'], ...request }, context)
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
  const { key } = await mesh.addWorker([embeddingSource({ busy: true })])
  await until(async () => (await embed(mesh).catch(() => null))?.worker === key)
  failures = 0
  assert.equal((await embed(mesh)).worker, key)
  assert.equal(failures, 1)
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
  const running = pool.call(gatewayEmbed, { inputs: ['x'] }, context)
  const refused = assert.rejects(running, { code: 'CANCELLED' })
  await until(() => waiting)
  context.abort(new HaifError('CANCELLED', 'left'))
  await refused
  await until(() => stopped)
})
