/** Every field of Ollama's bodies, sent over HTTP: taken, mapped or refused. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { OLLAMA_FIELDS } from '../../../../services/http-bridge/ollama/field-table.ts'
import { modelEntry, startBridge } from '../bridge.ts'
import { fieldsOfType, sendEachField, type Samples } from '../sent-fields.ts'

const MODEL = 'known'
const askedIn = ({ asked }: InferenceRequest) => asked
const user = { role: 'user', content: 'hi' }
const schema = { type: 'object', properties: { a: { const: null } } }
const logprobs = { logprobs: true, topLogprobs: 0 }

type Place = keyof typeof OLLAMA_FIELDS

const ANSWER: Samples = {
  model: ['m:latest', null],
  stream: [false, null],
  format: [schema, { responseFormat: { type: 'jsonSchema', schema } }],
  options: [{ top_k: 5 }, { sampling: { topK: 5 } }],
  logprobs: [true, logprobs],
  top_logprobs: [3, null],
  think: ['high', { reasoningEffort: 'high' }]
}
const system = { role: 'system', content: 'a' }

const SAMPLES: Record<Place, Samples> = {
  chat: {
    ...ANSWER,
    messages: [[system, user], { input: { mode: 'chat', messages: [system, user] } }],
    tools: [[{ type: 'function', function: { name: 'f' } }], { tools: [{ name: 'f' }] }]
  },
  generate: {
    ...ANSWER,
    prompt: ['a', { input: { mode: 'chat', messages: [{ ...user, content: 'a' }] } }],
    system: ['a', { input: { mode: 'chat', messages: [system, user] } }],
    raw: [true, { input: { mode: 'direct', prompt: 'hi' } }]
  },
  options: {
    temperature: [0.5, { sampling: { temperature: 0.5 } }],
    top_p: [0.5, { sampling: { topP: 0.5 } }],
    top_k: [5, { sampling: { topK: 5 } }],
    min_p: [0.1, { sampling: { minP: 0.1 } }],
    seed: [7, { sampling: { seed: 7 } }],
    stop: [['a'], { stop: ['a'] }],
    num_predict: [5, { maxTokens: 5 }],
    repeat_penalty: [1.1, { sampling: { repeatPenalty: 1.1 } }],
    frequency_penalty: [1, { sampling: { frequencyPenalty: 1 } }],
    presence_penalty: [1, { sampling: { presencePenalty: 1 } }]
  },
  embed: { model: ['m', null], input: [['a', 'b'], { inputs: ['a', 'b'] }] },
  embeddings: { model: ['m', null], prompt: ['a', { inputs: ['a'] }] },
  show: { model: [MODEL, null], name: [MODEL, null] },
  pull: { model: [MODEL, null], name: [MODEL, null], stream: [false, null] }
}

const CHAT = { model: 'm', messages: [user], stream: false }
/** A body with the fields, in the place where they stand. */
const PLACES: Record<Place, { path: string; body: (more: object) => object }> = {
  chat: { path: '/api/chat', body: (more) => ({ ...CHAT, ...more }) },
  generate: {
    path: '/api/generate',
    body: (more) => ({ model: 'm', prompt: 'hi', stream: false, ...more })
  },
  options: { path: '/api/chat', body: (more) => ({ ...CHAT, options: more }) },
  embed: { path: '/api/embed', body: (more) => ({ model: 'm', input: 'a', ...more }) },
  embeddings: { path: '/api/embeddings', body: (more) => ({ model: 'm', prompt: 'hi', ...more }) },
  show: { path: '/api/show', body: (more) => ({ model: MODEL, ...more }) },
  pull: { path: '/api/pull', body: (more) => ({ model: MODEL, stream: false, ...more }) }
}

const { url, requests, embedded } = await startBridge({ after }, { models: [modelEntry(MODEL)] })

for (const [place, { path, body }] of Object.entries(PLACES) as [Place, (typeof PLACES)[Place]][]) {
  test(`each field of ${place} is taken, mapped or refused over HTTP`, () =>
    sendEachField({
      fields: OLLAMA_FIELDS[place],
      samples: SAMPLES[place],
      asked: () => ({
        ...(path.startsWith('/api/embed') ? embedded : requests.map(askedIn)).at(-1)
      }),
      async send(more) {
        const response = await fetch(url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body(more))
        })
        const { error } = (await response.json()) as { error?: string }
        return { status: response.status, message: error ?? '' }
      },
      ...(place === 'options' ? { at: place } : {})
    }))
}

test("the tables have every field of Ollama's package", () => {
  for (const [type, place] of [
    ['ChatRequest', 'chat'],
    ['GenerateRequest', 'generate'],
    ['Options', 'options'],
    ['EmbedRequest', 'embed'],
    ['EmbeddingsRequest', 'embeddings'],
    ['ShowRequest', 'show'],
    ['PullRequest', 'pull']
  ] as const) {
    const known = new Set(OLLAMA_FIELDS[place].map(({ name }) => name))
    const fields = fieldsOfType('ollama/browser', type)
    assert.ok(fields.length > 2, type)
    assert.deepEqual(
      fields.filter((name) => !known.has(name)),
      [],
      type
    )
  }
})
