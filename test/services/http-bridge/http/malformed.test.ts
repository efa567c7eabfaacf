/**
 * Malformed bodies, generated from the schemas: wrong types and sizes in every field, missing
 * fields, cut off, deep, not JSON, not UTF-8. HAIF_SOAK=1: 1,000 on every endpoint.
 */
import assert from 'node:assert/strict'
import process from 'node:process'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import type { TObject } from 'typebox'
import { Compile } from 'typebox/compile'
import {
  AnthropicErrorBody,
  CountTokensBody,
  MessagesBody
} from '#shared/contracts/http/anthropic.ts'
import { ChatBody } from '#shared/contracts/http/chat.ts'
import { CompletionBody } from '#shared/contracts/http/completions.ts'
import { EmbeddingsBody } from '#shared/contracts/http/embeddings.ts'
import { ErrorBody } from '#shared/contracts/http/error.ts'
import { NativeInferBody, VersionedInferBody } from '#shared/contracts/http/infer.ts'
import {
  OllamaChatBody,
  OllamaEmbedBody,
  OllamaEmbeddingsBody,
  OllamaErrorBody,
  OllamaGenerateBody,
  OllamaModelBody
} from '#shared/contracts/http/ollama.ts'
import { OpenAiErrorBody } from '#shared/contracts/http/openai-error.ts'
import { RerankBody } from '#shared/contracts/http/rerank.ts'
import { ResponsesBody } from '#shared/contracts/http/responses.ts'
import {
  checkCountBody,
  checkMessagesBody,
  readMessages,
  readPrompt
} from '../../../../services/http-bridge/anthropic/request.ts'
import {
  checkEmbedBody,
  checkEmbeddingsBody as checkOlderEmbedBody
} from '../../../../services/http-bridge/ollama/embed-routes.ts'
import {
  checkModelBody,
  readModelName
} from '../../../../services/http-bridge/ollama/model-routes.ts'
import * as ollama from '../../../../services/http-bridge/ollama/request.ts'
import { checkChatBody, readChat } from '../../../../services/http-bridge/openai/chat/request.ts'
import {
  checkCompletionBody,
  readCompletion
} from '../../../../services/http-bridge/openai/completions/request.ts'
import { checkEmbeddingsBody } from '../../../../services/http-bridge/openai/embeddings/request.ts'
import { checkRerankBody } from '../../../../services/http-bridge/openai/rerank/route.ts'
import { toMessages } from '../../../../services/http-bridge/openai/responses/input.ts'
import {
  checkResponsesBody,
  readResponses
} from '../../../../services/http-bridge/openai/responses/request.ts'
import { checkInferBody, readInfer } from '../../../../services/http-bridge/infer/request.ts'
import { modelEntry, says, startBridge } from '../bridge.ts'

const RUNS = process.env['HAIF_SOAK'] === undefined ? 40 : 1000

const bridge = await startBridge({ after }, { gateways: [says('hi')], models: [modelEntry('m')] })

const user = { role: 'user', content: 'hi' }
interface Endpoint {
  path: string
  schema: TObject
  /** Throws for what the endpoint refuses: more is taken than the schema describes. */
  read: (body: unknown) => unknown
  good: Record<string, unknown>
  /** Fields without which it is refused; those of OpenAI's APIs unless said. */
  needed?: readonly string[]
}

const ENDPOINTS: Endpoint[] = [
  {
    path: '/infer',
    schema: NativeInferBody,
    read: (body) => readInfer(checkInferBody(body)),
    good: { prompt: 'hi', max_tokens: 5 }
  },
  {
    path: '/infer',
    schema: VersionedInferBody,
    read: (body) => readInfer(checkInferBody(body)),
    good: { api_version: 'v1', prompt: 'hi' }
  },
  {
    path: '/v1/chat/completions',
    schema: ChatBody,
    read: (body) => readChat(checkChatBody(body)),
    good: { model: 'm', messages: [user] }
  },
  {
    path: '/v1/responses',
    schema: ResponsesBody,
    read(body) {
      const checked = checkResponsesBody(body)
      return readResponses(
        checked,
        [],
        toMessages(checked.input, () => undefined)
      )
    },
    good: { model: 'm', input: [user] }
  },
  {
    path: '/v1/completions',
    schema: CompletionBody,
    read: (body) => readCompletion(checkCompletionBody(body)),
    good: { model: 'm', prompt: ['hi'] }
  },
  {
    path: '/v1/embeddings',
    schema: EmbeddingsBody,
    read: (body) => checkEmbeddingsBody(body),
    good: { model: 'm', input: ['hi'] }
  },
  {
    path: '/v1/messages',
    schema: MessagesBody,
    read: (body) => readMessages(checkMessagesBody(body)),
    good: { model: 'm', messages: [user], max_tokens: 5 },
    needed: ['model', 'messages', 'max_tokens']
  },
  {
    path: '/v1/messages/count_tokens',
    schema: CountTokensBody,
    read: (body) => readPrompt(checkCountBody(body)),
    good: { model: 'm', messages: [user] },
    needed: ['model', 'messages']
  },
  {
    path: '/api/chat',
    schema: OllamaChatBody,
    read: (body) => ollama.readChat(ollama.checkChatBody(body)),
    good: { model: 'm', messages: [user] },
    needed: ['model']
  },
  {
    path: '/api/generate',
    schema: OllamaGenerateBody,
    read: (body) => ollama.readGenerate(ollama.checkGenerateBody(body)),
    good: { model: 'm', prompt: 'hi' },
    needed: ['model']
  },
  {
    path: '/api/embed',
    schema: OllamaEmbedBody,
    read: (body) => checkEmbedBody(body),
    good: { model: 'm', input: ['hi'] },
    needed: ['model', 'input']
  },
  {
    path: '/api/embeddings',
    schema: OllamaEmbeddingsBody,
    read: (body) => checkOlderEmbedBody(body),
    good: { model: 'm', prompt: 'hi' },
    needed: ['model', 'prompt']
  },
  {
    path: '/v1/rerank',
    schema: RerankBody,
    read: (body) => checkRerankBody(body),
    good: { model: 'm', query: 'hi', documents: ['hi'] }
  },
  ...['/api/show', '/api/pull'].map((path) => ({
    path,
    schema: OllamaModelBody,
    read: (body: unknown) => readModelName(checkModelBody(body)),
    good: { model: 'm' },
    needed: ['model']
  }))
]

const anyValue = fc.oneof(
  { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  fc.constantFrom('', [], {}, -1, 2 ** 53, 1e300, 0.5, [''], [{}], [[]], [[[]]], true),
  fc.integer({ min: 1000, max: 20_000 }).map((length) => 'x'.repeat(length)),
  fc.integer({ min: 200, max: 2000 }).map((length) => Array.from({ length }, () => 'x'))
)

/** Or, of `api_version`, what tells one contract from another. */
const OPTIONAL: ReadonlySet<string> = new Set(['model', 'max_tokens', 'api_version'])

type Body = string | Buffer

/** What the endpoint cannot take, whatever is wrong with it. */
function malformedFor({ schema, read, good, needed }: Endpoint): fc.Arbitrary<Body> {
  const text = JSON.stringify(good)
  const names = Object.keys(schema.properties)
  const wrongField = fc
    .tuple(fc.constantFrom(...names), anyValue)
    .filter(([name, value]) => value !== null && isRefused(read, { ...good, [name]: value }))
    .map(([name, value]) => JSON.stringify({ ...good, [name]: value }))
  const missingField = fc
    .constantFrom(...(needed ?? Object.keys(good).filter((name) => !OPTIONAL.has(name))))
    .map((name) => JSON.stringify({ ...good, [name]: undefined }))
  const notAnObject = fc
    .jsonValue()
    .filter((value) => typeof value !== 'object' || value === null || Array.isArray(value))
    .map((value) => JSON.stringify(value))
  const cutOff = fc.integer({ min: 0, max: text.length - 1 }).map((end) => text.slice(0, end))
  const deep = fc
    .integer({ min: 65, max: 50_000 })
    .map((depth) => `${text.slice(0, -1)},"x":${'{"x":['.repeat(depth)}${']}'.repeat(depth)}}`)
  const noise = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes))
  const notUtf8 = fc
    .uint8Array({ minLength: 1, maxLength: 20, min: 0xf8 })
    .map((bytes) => Buffer.concat([Buffer.from('{"x":"'), bytes, Buffer.from('"}')]))
  return fc.oneof(
    { weight: 40, arbitrary: wrongField },
    { weight: 5, arbitrary: missingField },
    { weight: 5, arbitrary: notAnObject },
    { weight: 5, arbitrary: cutOff },
    { weight: 2, arbitrary: deep },
    { weight: 5, arbitrary: noise },
    { weight: 5, arbitrary: notUtf8 }
  )
}

function isRefused(read: Endpoint['read'], body: unknown): boolean {
  try {
    read(body)
    return false
  } catch {
    return true
  }
}

const nativeError = Compile(ErrorBody)
const openAiError = Compile(OpenAiErrorBody)
const anthropicError = Compile(AnthropicErrorBody)
const ollamaError = Compile(OllamaErrorBody)

/** A 4xx of the right shape that says in one line what is wrong. */
async function assertRefused(response: Response, path: string): Promise<void> {
  const text = await response.text()
  const reply: unknown = JSON.parse(text)
  assert.ok(response.status >= 400 && response.status < 500, `${response.status} ${text}`)
  const requestId = response.headers.get('x-request-id')
  assert.ok(requestId)
  assertShape(reply, path, requestId)
  const message = messageIn(reply)
  assert.ok(!message.includes('\n') && message.length < 400, text)
}

function assertShape(reply: unknown, path: string, requestId: string): void {
  const text = JSON.stringify(reply)
  if (path.startsWith('/v1/messages')) {
    assert.ok(anthropicError.Check(reply), text)
    assert.equal(reply.request_id, requestId)
  } else if (path.startsWith('/api/')) {
    assert.ok(ollamaError.Check(reply), text)
  } else if (path.startsWith('/v1/')) {
    assert.ok(openAiError.Check(reply), text)
    assert.equal(reply.error.type, 'invalid_request_error')
  } else {
    assert.ok(nativeError.Check(reply), text)
    assert.equal(reply.error.request_id, requestId)
  }
}

function messageIn(reply: unknown): string {
  const { error } = reply as { error: string | { message: string } }
  return typeof error === 'string' ? error : error.message
}

for (const endpoint of ENDPOINTS) {
  const { path, good } = endpoint
  test(`${path} (${Object.keys(good)[0]}): ${RUNS} malformed bodies all get a 4xx in the right shape`, async () => {
    const before = bridge.requests.length
    const send = (body: Body) =>
      fetch(bridge.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body
      })
    await fc.assert(
      fc.asyncProperty(malformedFor(endpoint), async (body) =>
        assertRefused(await send(body), path)
      ),
      { numRuns: RUNS }
    )
    assert.equal(bridge.requests.length, before)
    assert.equal((await send(JSON.stringify(good))).status, 200)
  })
}

test('ids that nothing has get a 4xx in the right shape', async () => {
  const addresses = fc
    .tuple(fc.constantFrom('models', 'responses'), fc.string({ minLength: 1, unit: 'binary' }))
    .map(([of, id]) => `/v1/${of}/${encodeURIComponent(id)}`)
  await fc.assert(
    fc.asyncProperty(addresses, async (path) => {
      await assertRefused(await fetch(bridge.url + path), path)
      await assertRefused(await fetch(bridge.url + path, { method: 'DELETE' }), path)
    }),
    { numRuns: RUNS }
  )
})
