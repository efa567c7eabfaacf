/** Embeddings count against what a caller may have running. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gatewayEmbed } from '#shared/contracts/inference/embedding.ts'
import { createContext } from '#shared/rpc/context.ts'
import { embeddingSource } from '../../helpers/mesh/embedding-engine.ts'
import { startMesh } from '../../helpers/mesh/mesh.ts'
import { until } from '../../helpers/until.ts'

test('a caller with too much running is told so, and others are served', async (t) => {
  const mesh = await startMesh(t, { workers: [], maxConcurrentPerCaller: 1 })
  const gate = Promise.withResolvers<void>()
  let entered = 0
  const onEmbed = () => {
    entered++
    return entered === 1 ? gate.promise : undefined
  }
  await mesh.addWorker([embeddingSource({ onEmbed })])
  await mesh.ready()
  const pool = await mesh.client()
  using context = createContext({ timeoutMs: 20_000 })
  const embed = (tenantId: string) =>
    pool.call(gatewayEmbed, { asked: { inputs: ['x'] }, charge: { tenantId } }, context)
  const running = embed('a')
  await until(() => entered === 1)
  await assert.rejects(embed('a'), { code: 'RATE_LIMITED' })
  await embed('b')
  gate.resolve()
  await running
  await embed('a')
})
