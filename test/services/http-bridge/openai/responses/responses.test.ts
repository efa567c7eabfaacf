/** What clients of `/v1/responses` expect. What is refused is in docs/openai.md. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import OpenAI from 'openai'
import { ResponseObject } from '#shared/contracts/http/responses.ts'
import { until } from '../../../../helpers/until.ts'
import { FUNCTION, fitting, startChecklist } from '../checklist.ts'

const path = '/v1/responses'
const RESPONSE_FIELDS = `
  completed_at previous_response_id truncation text presence_penalty frequency_penalty top_logprobs
  reasoning max_output_tokens max_tool_calls store background service_tier safety_identifier
  prompt_cache_key tools`
  .trim()
  .split(/\s+/)
const checklist = await startChecklist({ llama: true })
const { ask, good, refused, stream, url, running, idle } = checklist
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 })
/** What others have made nobody reads. */
const asClient = { authorization: 'Bearer any' }

test('responses: string or items, instructions, tools, text.format', async () => {
  const reply = await good(path, ResponseObject, { model: 'sim', input: 'hi', instructions: 'x' })
  assert.equal(reply.status, 'completed')
  const items = [
    { role: 'user', content: [{ type: 'input_text', text: 'a' }] },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'b' }] },
    { type: 'reasoning', id: 'rs_1', summary: [] },
    { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
    { type: 'function_call_output', call_id: 'c', output: 'd' }
  ]
  // Drawn at random, its end may be among the first two tokens.
  const greedy = { model: 'random', temperature: 0 }
  const cut = await good(path, ResponseObject, { ...greedy, input: items, max_output_tokens: 2 })
  assert.deepEqual(cut.incomplete_details, { reason: 'max_output_tokens' })
  const format = { type: 'json_schema', name: 'n', schema: FUNCTION.parameters }
  const formed = await good(path, ResponseObject, {
    model: 'haif-tiny',
    input: 'x',
    text: { format }
  })
  assert.ok('a' in (JSON.parse(textOf(formed)) as object))
  await refused(path, { model: 'sim', input: 'x', text: { format } }, 'text.format')
  await refused(path, { model: 'sim', input: [{ type: 'hologram' }] }, 'input[0].type')
  const other = [{ type: 'custom', name: 'patch' }, { type: 'web_search' }]
  const skipped = await ask(path, { model: 'sim', input: 'x', tools: other })
  assert.equal(skipped.status, 200)
  assert.equal(skipped.headers.get('x-haif-skipped-tools'), 'custom:patch, web_search')
})

test('responses: the object has every field, null where nothing was said', async () => {
  const asked = { model: 'sim', input: 'x', store: false }
  const given = { ...asked, tools: [{ type: 'function', name: 'f', parameters: null }] }
  const { events } = await stream(path, asked)
  const objects = events
    .map(({ data }) => JSON.parse(data) as { response?: unknown })
    .filter((event) => 'response' in event)
    .map((event) => fitting(ResponseObject, event.response))
  assert.equal(objects.length, 3) // created, in_progress, completed
  for (const object of [await good(path, ResponseObject, asked), ...objects]) {
    const missing = RESPONSE_FIELDS.filter((field) => !(field in object))
    assert.deepEqual(missing, [], object.status)
  }
  const { tools: echoed } = await good(path, ResponseObject, { ...given, tool_choice: 'none' })
  const nothing = { description: null, parameters: null, strict: false }
  assert.deepEqual(echoed, [{ type: 'function', name: 'f', ...nothing }])
})

test('responses: store, previous_response_id, GET, DELETE, cancel', async () => {
  const first = await good(path, ResponseObject, {
    model: 'sim',
    input: 'hi',
    metadata: { a: 'b' }
  })
  const read = await fetch(`${url}${path}/${first.id}`)
  assert.deepEqual(await read.json(), first)
  const next = await good(path, ResponseObject, {
    model: 'sim',
    input: 'go',
    previous_response_id: first.id
  })
  assert.ok(next.usage!.input_tokens > first.usage!.input_tokens)
  const reference = { type: 'item_reference', id: first.output[0]!.id }
  await good(path, ResponseObject, {
    model: 'sim',
    input: [reference, { role: 'user', content: 'x' }]
  })
  const cancel = await ask(`${path}/${first.id}/cancel`, {})
  assert.equal(cancel.status, 400)
  const gone = await fetch(`${url}${path}/${first.id}`, { method: 'DELETE' })
  assert.deepEqual(await gone.json(), { id: first.id, object: 'response', deleted: true })
  assert.equal((await fetch(`${url}${path}/${first.id}`)).status, 404)
  const unkept = await good(path, ResponseObject, { model: 'sim', input: 'hi', store: false })
  assert.equal((await fetch(`${url}${path}/${unkept.id}`)).status, 404)
  await refused(
    path,
    { model: 'sim', input: 'x', previous_response_id: 'resp_0' },
    'previous_response_id'
  )
})

test('responses: truncation', async () => {
  const asked = { model: 'sim', input: 'x' }
  await good(path, ResponseObject, { ...asked, truncation: 'disabled', background: false })
  await refused(path, { ...asked, truncation: 'auto' }, 'truncation')
})

test('responses: one in the background goes on without its client, and is read later', async () => {
  const begun = await client.responses.create({ model: 'sim', input: 'hi', background: true })
  assert.deepEqual([begun.status, begun.background], ['in_progress', true])
  await until(async () => (await client.responses.retrieve(begun.id)).status === 'completed')
  const whole = await client.responses.retrieve(begun.id)
  assert.equal(whole.output_text.split(' ').length, 6)
  const next = { model: 'sim', input: 'go', previous_response_id: begun.id }
  assert.ok((await client.responses.create(next)).usage!.input_tokens > whole.usage!.input_tokens)
  await refused(path, { model: 'sim', input: 'x', background: true, store: false }, 'store')
  const failed = await client.responses.create({ model: 'nobody', input: 'x', background: true })
  await until(async () => (await client.responses.retrieve(failed.id)).status === 'failed')
})

test('responses: its events are read again from any of them on', async () => {
  const asked = { model: 'sim', input: 'hi', background: true, stream: true } as const
  const first: OpenAI.Responses.ResponseStreamEvent[] = []
  for await (const event of await client.responses.create(asked)) first.push(event)
  const [created] = first
  assert.ok(created?.type === 'response.created')
  const { id } = created.response
  const read = async (after?: number) => {
    const query = after === undefined ? {} : { starting_after: after }
    const events: OpenAI.Responses.ResponseStreamEvent[] = []
    const stream = await client.responses.retrieve(id, { stream: true, ...query })
    for await (const event of stream) events.push(event)
    return events
  }
  assert.deepEqual(await read(), first)
  assert.deepEqual(await read(3), first.slice(4))
  const kept = await client.responses.create({ model: 'sim', input: 'hi' })
  for (const wrong of [`${kept.id}?stream=true`, `${id}?stream=true&starting_after=x`]) {
    const response = await fetch(`${url}${path}/${wrong}`, { headers: asClient })
    assert.equal(response.status, 400)
  }
})

test('responses: one in the background is cancelled, or forgotten, and its worker stops', async () => {
  const asked = { model: 'slow', input: 'hi', max_output_tokens: 100_000, background: true }
  const { id } = await client.responses.create(asked)
  await until(() => running() > 0)
  assert.equal((await client.responses.cancel(id)).status, 'cancelled')
  await idle()
  assert.equal((await client.responses.cancel(id)).status, 'cancelled')
  assert.equal((await client.responses.retrieve(id)).status, 'cancelled')
  const other = await client.responses.create(asked)
  await until(() => running() > 0)
  await client.responses.delete(other.id)
  await idle()
  await assert.rejects(client.responses.retrieve(other.id), { status: 404 })
  const many = Array.from({ length: 17 }, () => client.responses.create(asked))
  const begun = await Promise.allSettled(many)
  const refusals = begun.flatMap((one) => (one.status === 'rejected' ? [one.reason as object] : []))
  assert.deepEqual(
    refusals.map((error) => ('status' in error ? error.status : error)),
    [503]
  )
  for (const one of begun) {
    if (one.status === 'fulfilled') await client.responses.cancel(one.value.id)
  }
  await idle()
})

test('responses: input items can be read, page by page', async () => {
  const input: OpenAI.Responses.ResponseInput = [
    { role: 'user', content: 'a' },
    { type: 'message', role: 'assistant', content: 'b' },
    { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
    { type: 'function_call_output', call_id: 'c', output: 'd' }
  ]
  const { id } = await client.responses.create({ model: 'sim', input })
  const types: string[] = []
  for await (const item of client.responses.inputItems.list(id, { limit: 3, order: 'asc' })) {
    assert.ok('id' in item && item.id !== undefined)
    types.push(item.type ?? '')
  }
  assert.deepEqual(types, ['message', 'message', 'function_call', 'function_call_output'])
  const newest = await client.responses.inputItems.list(id, { limit: 1 })
  assert.equal(newest.data[0]?.type, 'function_call_output')
  assert.ok(newest.has_more)
  const items = `${url}${path}/${id}/input_items`
  assert.equal((await fetch(`${items}?limit=0`, { headers: asClient })).status, 400)
})

test('responses: the events in order, numbered, named by their type', async () => {
  const { events } = await stream(path, { model: 'sim', input: 'hi' })
  const all = events.map(
    ({ data }) => JSON.parse(data) as { type: string; sequence_number: number; response?: unknown }
  )
  assert.deepEqual(
    all.map((event) => event.type),
    events.map(({ event }) => event)
  )
  assert.deepEqual(
    all.map((event) => event.sequence_number),
    all.map((_, index) => index)
  )
  const types = all.map((event) => event.type)
  assert.deepEqual(
    [...new Set(types)],
    [
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed'
    ]
  )
  fitting(ResponseObject, all.at(-1)!.response)
})

function textOf({ output }: ResponseObject): string {
  const [message] = output
  assert.ok(message?.type === 'message')
  return message.content[0]!.text
}
