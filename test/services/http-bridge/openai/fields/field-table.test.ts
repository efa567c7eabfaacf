/** Every field of OpenAI, vLLM, llama.cpp and others, sent over HTTP: taken, mapped or refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Asked } from '#shared/contracts/inference/request.ts'
import {
  FIELDS,
  type Endpoint
} from '../../../../../services/http-bridge/openai/fields/field-table.ts'
import { startBridge } from '../../bridge.ts'
import { fieldsOfType, sendEachField } from '../../sent-fields.ts'

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
    const fields = fieldsOfType(`openai/resources/${file}`, type)
    assert.ok(fields.length > 10)
    assert.deepEqual(
      fields.filter((name) => !known.has(name)),
      []
    )
  }
})

for (const endpoint of ['chat', 'completion'] as const) {
  test(`each field of a ${endpoint} is taken, mapped or refused over HTTP`, async (t) => {
    const { url, requests } = await startBridge(t)
    const { path, body } = BODIES[endpoint]
    await sendEachField({
      fields: rows.filter(({ of = endpoint }) => of === endpoint),
      samples: { ...SAMPLES, logprobs: LOGPROBS[endpoint] },
      asked: () => requests.at(-1)!.asked,
      async send(more) {
        const response = await fetch(url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ ...body, ...more })
        })
        const { error } = (await response.json()) as Reply
        if (error !== undefined) assert.ok(Object.hasOwn(more, error.param), error.param)
        return { status: response.status, message: error?.message ?? '' }
      }
    })
  })
}

interface Reply {
  error?: { param: string; message: string }
}
