/** HTTP bodies: the limits that clients meet, what is refused, and what is passed over. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { ChatBody } from '#shared/contracts/http/chat.ts'
import { CompletionBody } from '#shared/contracts/http/completions.ts'
import { EmbeddingsBody } from '#shared/contracts/http/embeddings.ts'
import { NativeInferBody, VersionedInferBody } from '#shared/contracts/http/infer.ts'
import { ResponsesBody } from '#shared/contracts/http/responses.ts'
import { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { breachesOf, exampleOf, strictIn, unboundedIn } from '../../../helpers/schema-values.ts'

const MIB = 1_048_576
const TEXT = `maxLength ${4 * MIB}`

interface Body {
  name: string
  schema: TSchema
  /** Bounds as they are promised: a change of one is a change for clients. */
  bounds: Record<string, string>
  /** Objects that take whatever they are given; the size of the body bounds them. */
  open: string[]
}

const SAMPLING = {
  temperature: 'maximum 2',
  top_p: 'maximum 1',
  top_k: 'maximum 100000',
  repetition_penalty: 'maximum 10',
  frequency_penalty: 'minimum -2',
  logit_bias: 'maxProperties 1024',
  'logit_bias.1': 'minimum -100'
}

const BODIES: Body[] = [
  {
    name: 'POST /infer',
    schema: NativeInferBody,
    bounds: {
      prompt: TEXT,
      input: TEXT,
      messages: 'maxItems 16384',
      'messages.0.content': TEXT,
      model: 'maxLength 256',
      max_tokens: `maximum ${MIB}`,
      temperature: 'maximum 2',
      stop: 'maxItems 64',
      'stop.0': 'maxLength 1024',
      labels: 'maxProperties 32',
      tenant_id: 'maxLength 128'
    },
    open: ['response_format.json_schema.schema']
  },
  {
    name: 'POST /infer with api_version',
    schema: VersionedInferBody,
    bounds: { prompt: TEXT, max_tokens: `maximum ${MIB}`, temperature: 'maximum 2' },
    open: []
  },
  {
    name: 'POST /v1/chat/completions',
    schema: ChatBody,
    bounds: {
      ...SAMPLING,
      messages: 'maxItems 16384',
      'messages.0.content': TEXT,
      'messages.0.content.0.text': TEXT,
      'messages.0.tool_calls': 'maxItems 128',
      'messages.0.tool_calls.0.function.arguments': TEXT,
      stop: 'maxItems 64',
      'stop.0': 'maxLength 1024',
      n: 'maximum 128',
      tools: 'maxItems 512',
      'tools.0.function.name': 'pattern',
      top_logprobs: 'maximum 20',
      max_completion_tokens: `maximum ${MIB}`
    },
    open: ['response_format.json_schema.schema', 'tools.0.function.parameters', 'metadata']
  },
  {
    name: 'POST /v1/responses',
    schema: ResponsesBody,
    bounds: {
      ...SAMPLING,
      input: TEXT,
      instructions: TEXT,
      'input.0.arguments': TEXT,
      tools: 'maxItems 512',
      'tool_choice.tools': 'maxItems 512',
      metadata: 'maxProperties 16',
      max_output_tokens: `maximum ${MIB}`
    },
    open: ['text.format.schema', 'tools.0.parameters']
  },
  {
    name: 'POST /v1/completions',
    schema: CompletionBody,
    bounds: {
      ...SAMPLING,
      prompt: TEXT,
      'prompt.0': TEXT,
      stop: 'maxItems 64',
      best_of: 'maximum 128',
      logprobs: 'maximum 5'
    },
    open: ['response_format.json_schema.schema']
  },
  {
    name: 'POST /v1/embeddings',
    schema: EmbeddingsBody,
    bounds: { input: 'maxItems 2048', 'input.0': TEXT, user: 'maxLength 1024' },
    open: []
  }
]

for (const { name, schema, bounds, open } of BODIES) {
  const body = Compile(schema)
  const breaches = breachesOf(schema)

  test(`${name}: an example fits, and each bound holds`, () => {
    assert.ok(body.Check(exampleOf(schema)))
    for (const { at, bound, value } of breaches) {
      assert.ok(!body.Check(value), `${at} is bounded: ${bound}`)
    }
    assert.deepEqual(unboundedIn(schema), open)
  })

  test(`${name}: the bounds are the promised ones`, () => {
    const found = new Set(breaches.map(({ at, bound }) => `${at}: ${bound}`))
    for (const [at, bound] of Object.entries(bounds)) {
      assert.ok(found.has(`${at}: ${bound}`), `${at}: ${bound}`)
    }
  })

  test(`${name}: values of other types are refused, and nothing is converted`, () => {
    const example = exampleOf(schema) as Record<string, unknown>
    for (const value of ['text', 1, null, [], true]) assert.ok(!body.Check(value))
    for (const field of Object.keys(example)) {
      // A flag is of no type that any field takes beside it, and a list of lists of flags neither.
      const other = typeof example[field] === 'boolean' ? 'true' : [[true]]
      assert.ok(!body.Check({ ...example, [field]: other }), field)
    }
  })
}

test('only the body with api_version refuses unknown fields, as docs/openai.md promises', () => {
  for (const { name, schema } of BODIES) {
    const strict = name === 'POST /infer with api_version'
    const body = { ...(exampleOf(schema) as object), unknown_field: 1 }
    assert.equal(Compile(schema).Check(body), !strict, name)
    assert.deepEqual(strictIn(schema), strict ? [''] : [], name)
  }
})

test('no HTTP body lets in more than the next hop takes', () => {
  const inner = new Map(
    breachesOf(InferenceRequest).map(({ at, bound }) => [`${at} ${kind(bound)}`, bound])
  )
  const same: [schema: TSchema, outside: string, inside: string][] = [
    [NativeInferBody, 'prompt maxLength', 'asked.input.prompt maxLength'],
    [NativeInferBody, 'messages maxItems', 'asked.input.messages maxItems'],
    [NativeInferBody, 'labels maxProperties', 'asked.labels maxProperties'],
    [NativeInferBody, 'tenant_id maxLength', 'charge.tenantId maxLength'],
    [ChatBody, 'messages maxItems', 'asked.input.messages maxItems'],
    [ChatBody, 'tools maxItems', 'asked.tools maxItems'],
    [ChatBody, 'stop maxItems', 'asked.stop maxItems'],
    [ChatBody, 'stop.0 maxLength', 'asked.stop.0 maxLength'],
    [ChatBody, 'top_logprobs maximum', 'asked.topLogprobs maximum'],
    [ChatBody, 'max_tokens maximum', 'asked.maxTokens maximum'],
    [ResponsesBody, 'input maxLength', 'asked.input.messages.0.content maxLength'],
    [ResponsesBody, 'tools maxItems', 'asked.tools maxItems'],
    [CompletionBody, 'prompt maxLength', 'asked.input.prompt maxLength'],
    [CompletionBody, 'max_tokens maximum', 'asked.maxTokens maximum']
  ]
  for (const [schema, outside, inside] of same) {
    const bounds = breachesOf(schema).map(({ at, bound }) => `${at} ${bound}`)
    assert.ok(inner.has(inside), inside)
    assert.ok(bounds.includes(`${outside.split(' ')[0]} ${inner.get(inside)}`), outside)
  }
})

const kind = (bound: string): string => bound.split(' ')[0]!
