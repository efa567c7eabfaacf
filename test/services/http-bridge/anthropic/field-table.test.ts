/** Every field of Anthropic's bodies, sent over HTTP: taken, mapped or refused. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ANTHROPIC_FIELDS } from '../../../../services/http-bridge/anthropic/field-table.ts'
import { startBridge } from '../bridge.ts'
import { fieldsOfType, sendEachField, type Samples } from '../sent-fields.ts'

const messages = [{ role: 'user', content: 'hi' }]
const user = { role: 'user', content: 'hi' }
const schema = { type: 'object', properties: { a: { const: null } } }
const format = { type: 'json_schema', schema }
const jsonSchema = { responseFormat: { type: 'jsonSchema', schema } }

type Place = keyof typeof ANTHROPIC_FIELDS

const SAMPLES: Record<Place, Samples> = {
  body: {
    model: ['m', null],
    messages: [messages, null],
    max_tokens: [5, { maxTokens: 5 }],
    system: [
      [{ type: 'text', text: 'a', cache_control: { type: 'ephemeral' } }],
      { input: { mode: 'chat', messages: [{ role: 'system', content: 'a' }, user] } }
    ],
    stop_sequences: [['a'], { stop: ['a'] }],
    stream: [false, null],
    temperature: [0.5, { sampling: { temperature: 0.5 } }],
    top_p: [0.5, { sampling: { topP: 0.5 } }],
    top_k: [5, { sampling: { topK: 5 } }],
    tools: [[{ name: 'f', input_schema: schema }], { tools: [{ name: 'f', parameters: schema }] }],
    tool_choice: [{ type: 'auto' }, null],
    thinking: [{ type: 'enabled' }, { reasoningEffort: 'medium' }],
    output_config: [{ format }, jsonSchema],
    output_format: [format, jsonSchema]
  },
  thinking: {
    type: ['disabled', { reasoningEffort: 'none' }],
    budget_tokens: [1024, { reasoningEffort: 'low' }],
    display: ['omitted', null]
  },
  output_config: { format: [format, jsonSchema], effort: ['high', { reasoningEffort: 'high' }] },
  tools: {
    name: ['g', { tools: [{ name: 'g' }] }],
    description: ['d', { tools: [{ name: 'f', description: 'd' }] }],
    input_schema: [schema, { tools: [{ name: 'f', parameters: schema }] }],
    strict: [true, { tools: [{ name: 'f', strict: true }] }],
    type: ['custom', null]
  }
}

/** Puts fields of an object at its place in a body, where it is not the body itself. */
const PLACES: Record<Place, (more: object) => object> = {
  body: (more) => more,
  thinking: (more) => ({ thinking: { type: 'enabled', ...more } }),
  output_config: (more) => ({ thinking: { type: 'adaptive' }, output_config: more }),
  tools: (more) => ({ tools: [{ name: 'f', ...more }] })
}

const { url, requests } = await startBridge({ after })
const post = async (path: string, more: object) => {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages, ...more })
  })
  const { error } = (await response.json()) as { error?: { message: string } }
  return { status: response.status, message: error?.message ?? '' }
}

for (const place of Object.keys(PLACES) as Place[]) {
  test(`each field of ${place} is taken, mapped or refused over HTTP`, () =>
    sendEachField({
      fields: ANTHROPIC_FIELDS[place],
      samples: SAMPLES[place],
      send: (more) => post('/v1/messages', { max_tokens: 9, ...PLACES[place](more) }),
      asked: () => requests.at(-1)!.asked,
      ...(place === 'body' ? {} : { at: place })
    }))
}

test('a prompt that is only counted may have all of them', async () => {
  for (const { name, how } of ANTHROPIC_FIELDS.body) {
    const value = SAMPLES.body[name]?.[0] ?? [{ a: 1 }]
    const { status, message } = await post('/v1/messages/count_tokens', { [name]: value })
    assert.equal(status, how === 'refused' ? 400 : 200, `${name}: ${message}`)
  }
})

test("the tables have every field of Anthropic's package", () => {
  const inHeaders = ['betas', 'user_profile_id', 'workspace_id']
  for (const [file, type, place] of [
    ['messages/messages', 'MessageCreateParamsBase', 'body'],
    ['messages/messages', 'MessageCountTokensParams', 'body'],
    ['messages/messages', 'Tool', 'tools'],
    ['beta/messages/messages', 'MessageCreateParamsBase', 'body'],
    ['beta/messages/messages', 'BetaThinkingConfigEnabled', 'thinking'],
    ['beta/messages/messages', 'BetaOutputConfig', 'output_config'],
    ['beta/messages/messages', 'BetaTool', 'tools']
  ] as const) {
    const known = new Set(ANTHROPIC_FIELDS[place].map(({ name }) => name))
    const fields = fieldsOfType(`@anthropic-ai/sdk/resources/${file}`, type)
    assert.ok(fields.length > 2, type)
    const unknown = fields.filter((name) => !known.has(name) && !inHeaders.includes(name))
    assert.deepEqual(unknown, [], type)
  }
})
