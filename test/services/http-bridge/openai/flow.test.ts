/** A client that is slow, or leaves: the worker at the other end of the mesh feels it. */
import assert from 'node:assert/strict'
import http from 'node:http'
import { test } from 'node:test'
import type { UsageRow } from '../../../../services/gateway/usage/usage-row.ts'
import type {
  GenerateEnd,
  GenerateItem,
  GenerateRequest
} from '../../../../services/worker/engines/engine.ts'
import { SimEngine } from '../../../../services/worker/engines/sim/sim-engine.ts'
import { addBridge } from '../../../helpers/mesh/bridge.ts'
import { startMesh } from '../../../helpers/mesh/mesh.ts'
import { settled, until } from '../../../helpers/until.ts'
import { readStream } from './openai-mesh.ts'

const ITEMS = 20_000
/** As a worker may say it, and six times as long on its way to the client. */
const ITEM_TEXT = '\u0001'.repeat(200)
const ITEM_JSON = JSON.stringify(ITEM_TEXT).slice(1, -1)

/** Says what is 24 MB for its client, as fast as it may, and counts. */
class FloodEngine extends SimEngine {
  made = 0

  override async *generate(
    _request: GenerateRequest,
    signal: AbortSignal
  ): AsyncGenerator<GenerateItem, GenerateEnd, void> {
    for (let id = 0; id < ITEMS; id++) {
      signal.throwIfAborted()
      this.made++
      yield { tokenIds: [id], text: ITEM_TEXT }
    }
    return {
      finishReason: 'stop',
      usage: { promptTokens: 1, cachedPromptTokens: 0, completionTokens: ITEMS },
      timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 }
    }
  }
}

const chat = { messages: [{ role: 'user', content: 'hi' }] }

test('a client that does not read stops the worker, holds up no other, and loses nothing', async (t) => {
  const mesh = await startMesh(t, { workers: [{ answerTokens: 6 }] })
  const flood = new FloodEngine({ name: 'flood' })
  await mesh.addWorker([{ name: 'flood', engine: 'sim', open: async () => flood }])
  const url = await addBridge(t, mesh)
  await until(async () => (await fetch(`${url}/v1/models/flood`)).ok)

  const response = await openStream(url, { model: 'flood', ...chat, stream: true })
  const stoodStillAt = await settled(() => flood.made)
  assert.ok(stoodStillAt < ITEMS * 0.75, `${stoodStillAt} of ${ITEMS} made while nobody read`)
  const other = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'sim', ...chat })
  })
  assert.equal(other.status, 200)

  let text = ''
  response.setEncoding('utf8')
  for await (const piece of response) text += String(piece)
  const { events } = readStream(text)
  assert.equal(events.at(-1)?.data, '[DONE]')
  assert.equal(text.split(ITEM_JSON).length - 1, ITEMS)
})

test('a client that leaves stops the worker within a second, and what it got is counted', async (t) => {
  const rows: UsageRow[] = []
  const mesh = await startMesh(t, { workers: [], usage: { record: (row) => void rows.push(row) } })
  const { worker } = await mesh.addSimWorker({ decodeTokensPerSecond: 50 })
  const url = await addBridge(t, mesh)
  const running = () => worker.models().reduce((sum, model) => sum + model.running, 0)
  const bodies: [string, object][] = [
    ['/v1/chat/completions', chat],
    ['/v1/completions', { prompt: 'hi', max_tokens: 5000 }],
    ['/v1/responses', { input: 'hi' }]
  ]
  for (const [path, body] of bodies) {
    for (const stream of [true, false]) {
      const leaving = new AbortController()
      const answer = fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'sim', ...body, stream }),
        signal: leaving.signal
      })
      const left = answer.then(readToEnd).catch((error: Error) => error.name)
      await until(() => running() === 1)
      if (stream) await answer
      leaving.abort()
      await until(() => running() === 0, 1000)
      assert.equal(await left, 'AbortError')
      await until(() => rows.length === 1)
      const [row] = rows.splice(0)
      assert.equal(row!.error_code, 'CANCELLED')
      // Whoever streams has seen the first token; the other may have left before it.
      assert.ok(row!.completion_tokens >= (stream ? 1 : 0) && row!.completion_tokens < 5000)
    }
  }
})

const readToEnd = (response: Response) => response.text()

/** By node:http, which reads only when told to. */
async function openStream(url: string, body: object): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
  const request = http.request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' }
  })
  request.once('response', resolve).once('error', reject).end(JSON.stringify(body))
  return promise
}
