/** A worker learns nothing of who asks: everything that reaches one is written down here (L9). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from 'typebox'
import { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { workerEmbed } from '#shared/contracts/inference/embedding.ts'
import { itemCodec } from '#shared/contracts/inference/item-codec.ts'
import { workerInfer } from '#shared/contracts/inference/methods.ts'
import { report } from '#shared/contracts/peers/peers.ts'
import { createContext } from '#shared/rpc/context.ts'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import { Router, type ServerContext } from '#shared/rpc/router.ts'
import { mintToken } from '../../../services/gateway/access/token-text.ts'
import { addBridge } from '../../helpers/mesh/bridge.ts'
import { startMesh } from '../../helpers/mesh/mesh.ts'
import { linkBetween, startPeer } from '../../helpers/peers/peers.ts'

const MODEL = {
  name: 'noted',
  state: 'ready',
  engine: 'sim',
  embeddings: true,
  slots: 8,
  running: 0,
  waiting: 0,
  prefillTokensPerSecond: 1e6,
  decodeTokensPerSecond: 1e6,
  digest: 'a'.repeat(64),
  contextTokens: 100_000
} as const

/** The contracts of a worker without their schemas, so that no field is passed over. */
const anyInfer = defineStream(
  workerInfer.name,
  workerInfer.parties,
  Type.Unknown(),
  InferenceItem,
  InferenceEnd,
  itemCodec
)
const anyEmbed = defineMethod(workerEmbed.name, workerEmbed.parties, Type.Unknown(), Type.Unknown())

test('neither tenant nor address, token, key or usage id reaches a worker', async (t) => {
  const operatorKey = mintToken('operator')
  const mesh = await startMesh(t, { workers: [], access: { operatorKey } })
  const received: string[] = []
  const note = (request: unknown, { presented, requestId, traceparent }: ServerContext) =>
    void received.push(JSON.stringify({ request, presented, requestId, traceparent }))
  const router = new Router()
    .serve(anyInfer, async function* (request, context) {
      note(request, context)
      yield { seq: 0, tokenIds: [1], text: 'noted' }
      const usage = { promptTokens: 1, cachedPromptTokens: 0, completionTokens: 1 }
      const timings = { queueMs: 0, prefillMs: 0, decodeMs: 0 }
      return { finishReason: 'stop', usage, timings, model: 'noted', provider: 'sim' } as const
    })
    .respond(anyEmbed, (request, context) => {
      note(request, context)
      return { model: 'noted', provider: 'sim', vectors: ['AAAAAA=='], promptTokens: 1 }
    })
  const worker = await startPeer(t, mesh.topicKey, { role: 'worker', router })
  worker.follow('orchestrator')
  const orchestrator = mesh.meshes.find(({ role }) => role === 'orchestrator')!
  const link = await linkBetween(worker, orchestrator)
  using context = createContext({ timeoutMs: 20_000 })
  const body = { host: 'h', version: '1', worker: { draining: false, models: [MODEL] } }
  await link.call(report, body, context)
  const url = await addBridge(t, mesh)
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${operatorKey.text}`,
    'idempotency-key': 'the-key-of-acme'
  }
  const post = (path: string, asked: object) =>
    fetch(url + path, { method: 'POST', headers, body: JSON.stringify(asked) })
  const inferred = await post('/infer', { prompt: 'the prompt', tenant_id: 'acme', max_tokens: 4 })
  assert.equal(inferred.status, 200)
  const embedded = await post('/v1/embeddings', { model: 'noted', input: 'the text' })
  assert.equal(embedded.status, 200)

  assert.equal(received.length, 2)
  const all = received.join('\n')
  assert.match(all, /the prompt[^]*the text/)
  assert.doesNotMatch(all, new RegExp(operatorKey.text))
  assert.doesNotMatch(all, /127\.0\.0\.1|::1|acme|the-key-of|presented|operator|haif_/)
  const fields = new Set([...all.matchAll(/"([A-Za-z]+)":/g)].map(([, name]) => name!))
  for (const field of ['asked', 'cacheScope', 'requestId', 'traceparent', 'request']) {
    fields.delete(field)
  }
  const ofTheQuestion = ['model', 'input', 'mode', 'prompt', 'messages', 'role', 'content']
  const others = [...fields].filter((field) => !ofTheQuestion.includes(field))
  assert.deepEqual(others.toSorted(), ['inputs', 'maxTokens', 'sampling', 'temperature'])
})
