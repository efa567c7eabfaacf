/** Every field of OpenAI, vLLM, llama.cpp and others, sent over HTTP: taken, mapped or refused. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Asked } from '#shared/contracts/inference/request.ts'
import { OPENAI_PAGE, withFields } from '../../../../../docs/generate/openai-fields.ts'
import {
  FIELDS,
  type Endpoint,
  type Field
} from '../../../../../services/http-bridge/openai/fields/field-table.ts'
import { startBridge } from '../../bridge.ts'

const messages = [{ role: 'user', content: 'hi' }]
const BODIES: Record<Endpoint, { path: string; body: object }> = {
  chat: { path: '/v1/chat/completions', body: { messages } },
  completion: { path: '/v1/completions', body: { prompt: 'hi' } }
}
const schema = { type: 'object', properties: { a: { const: null } } }
const jsonSchema = { type: 'jsonSchema' as const, schema }
const tool = { type: 'function', function: { name: 'f' } }

/**
 * A value for each field that is accepted, and what the mesh is asked because of it. `null`: the
 * same as without it.
 */
const SAMPLES: Record<string, [value: unknown, asked: Partial<Asked> | null]> = {
  model: ['m', { model: 'm' }],
  stream: [false, null],
  stream_options: [{ include_usage: true }, null],
  stop: [['a', '', null], { stop: ['a'] }],
  n: [1, null],
  seed: [7, { sampling: { seed: 7 } }],
  temperature: [0.5, { sampling: { temperature: 0.5 } }],
  top_p: [0.5, { sampling: { topP: 0.5 } }],
  max_tokens: [5, { maxTokens: 5 }],
  frequency_penalty: [1, { sampling: { frequencyPenalty: 1 } }],
  presence_penalty: [1, { sampling: { presencePenalty: 1 } }],
  logit_bias: [{ 5: 1 }, { sampling: { logitBias: { 5: 1 } } }],
  messages: [messages, null],
  max_completion_tokens: [5, { maxTokens: 5 }],
  top_logprobs: [0, null],
  response_format: [{ type: 'json_object', schema }, { responseFormat: jsonSchema }],
  tools: [[tool, { type: 'web_search' }], { tools: [{ name: 'f' }] }],
  tool_choice: ['auto', null],
  parallel_tool_calls: [true, null],
  reasoning_effort: ['xhigh', { reasoningEffort: 'xhigh' }],
  prompt: ['hi', null],
  echo: [true, null],
  best_of: [1, null],
  top_k: [5, { sampling: { topK: 5 } }],
  min_p: [0.1, { sampling: { minP: 0.1 } }],
  repetition_penalty: [1.1, { sampling: { repeatPenalty: 1.1 } }],
  add_generation_prompt: [true, null],
  continue_final_message: [false, null],
  chat_template_kwargs: [{ a: null }, { templateVariables: { a: null } }],
  documents: [['d'], { templateVariables: { documents: ['d'] } }],
  guided_json: [JSON.stringify(schema), { responseFormat: jsonSchema }],
  structured_outputs: [{ json: schema }, { responseFormat: jsonSchema }],
  json_schema: [schema, { responseFormat: jsonSchema }],
  format: ['json', { responseFormat: { type: 'json' } }],
  n_predict: [5, { maxTokens: 5 }],
  n_cmpl: [1, null],
  repeat_penalty: [1.1, { sampling: { repeatPenalty: 1.1 } }],
  random_seed: [7, { sampling: { seed: 7 } }],
  enable_thinking: [false, { reasoningEffort: 'none' }],
  think: ['high', { reasoningEffort: 'high' }],
  thinking: [{ type: 'enabled' }, { templateVariables: { enable_thinking: true, thinking: true } }],
  reasoning: [{ effort: 'low' }, { reasoningEffort: 'low' }]
}
/** `logprobs` is a switch in a chat and a number in a completion. */
const LOGPROBS: Record<Endpoint, [unknown, Partial<Asked>]> = {
  chat: [true, { logprobs: true }],
  completion: [2, { logprobs: true, topLogprobs: 2 }]
}

const rows = Object.values(FIELDS).flat()

test('a field stands in the table once for each endpoint', () => {
  const names = rows.flatMap(({ name, of }) =>
    (of === undefined ? ['chat', 'completion'] : [of]).map((endpoint) => `${endpoint} ${name}`)
  )
  assert.deepEqual(names, [...new Set(names)])
})

test('the table has every field of the openai package', () => {
  const known = new Set(rows.map(({ name }) => name))
  for (const [file, type] of [
    ['chat/completions/completions', 'ChatCompletionCreateParamsBase'],
    ['completions', 'CompletionCreateParamsBase']
  ] as const) {
    const fields = fieldsOf(file, type)
    assert.ok(fields.length > 10)
    assert.deepEqual(
      fields.filter((name) => !known.has(name)),
      []
    )
  }
})

test('docs/openai.md lists every field as the table has it (npm run docs)', () => {
  const page = readFileSync(OPENAI_PAGE, 'utf8')
  assert.equal(page, withFields(page))
})

test('each field is taken, mapped or refused over HTTP', async (t) => {
  const { url, requests } = await startBridge(t)
  const post = async (endpoint: Endpoint, more: object) => {
    const { path, body } = BODIES[endpoint]
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, ...more })
    })
    return { status: response.status, reply: (await response.json()) as Reply }
  }
  for (const endpoint of ['chat', 'completion'] as const) {
    await post(endpoint, {})
    const plain = requests.at(-1)!.asked
    const assertAsked = async (more: object, asked: Partial<Asked> | null) => {
      const { status, reply } = await post(endpoint, more)
      assert.equal(status, 200, `${JSON.stringify(more)}: ${reply.error?.message}`)
      assert.deepEqual(requests.at(-1)!.asked, { ...plain, ...asked }, JSON.stringify(more))
    }
    const fields = rows.filter(({ of = endpoint }) => of === endpoint)
    const [hints, refused] = ['hint', 'refused'].map((how) =>
      fields.filter((one) => one.how === how)
    )
    for (const value of [true, 1, 'x', { a: 1 }]) {
      await assertAsked(Object.fromEntries(hints!.map(({ name }) => [name, value])), null)
    }
    for (const nth of Array.from({ length: 6 }).keys()) {
      const idle = refused!.map((field) => [field.name, idleValues(field)[nth] ?? null])
      await assertAsked(Object.fromEntries(idle), null)
    }
    for (const { name, note } of refused!) {
      const { status, reply } = await post(endpoint, { [name]: [{ type: 'x' }] })
      assert.deepEqual([status, reply.error?.param], [400, name])
      assert.ok(reply.error!.message.endsWith(note!), reply.error!.message)
    }
    for (const { name } of fields.filter(({ how }) => how === 'taken' || how === 'mapped')) {
      const [value, asked] = name === 'logprobs' ? LOGPROBS[endpoint] : SAMPLES[name]!
      await assertAsked({ [name]: value }, asked)
    }
  }
})

interface Reply {
  error?: { param: string; message: string }
}

const idleValues = ({ idle = [] }: Field): unknown[] => [...idle, '', [], {}, null]

/** The names of the fields of an interface in the package's own types. */
function fieldsOf(file: string, type: string): string[] {
  const path = import.meta.resolve(`openai/resources/${file}`).replace(/\.m?js$/, '.d.ts')
  const text = readFileSync(new URL(path), 'utf8')
  const body = text.split(`export interface ${type} {`)[1]!.split('\n}')[0]!
  return [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, name]) => name!)
}
