/** What clients of `/v1/chat/completions` may ask. What is refused is in docs/openai.md. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calling, chat, CHAT, FUNCTION, startChecklist, tiny, tools } from '../checklist.ts'

const { chatReply, chunks, refused } = await startChecklist({ llama: true })

test('chat: n, stop as string and array', async () => {
  const reply = await chatReply({ ...chat, n: 3 })
  assert.deepEqual(
    reply.choices.map(({ index }) => index),
    [0, 1, 2]
  )
  assert.equal(reply.usage.completion_tokens, 18)
  const one = await chatReply(chat)
  assert.equal(reply.usage.prompt_tokens, one.usage.prompt_tokens)
  const whole = (await chatReply({ ...tiny, temperature: 0 })).choices[0]!.message.content as string
  const stop = whole.slice(3, 6)
  for (const form of [stop, [stop, 'zzz']]) {
    const { choices } = await chatReply({ ...tiny, temperature: 0, stop: form })
    assert.equal(choices[0]!.message.content, whole.slice(0, whole.indexOf(stop)))
    assert.equal(choices[0]!.finish_reason, 'stop')
  }
})

test('chat: max_tokens and max_completion_tokens', async () => {
  for (const name of ['max_tokens', 'max_completion_tokens']) {
    const { choices, usage } = await chatReply({ ...chat, [name]: 2 })
    assert.deepEqual([choices[0]!.finish_reason, usage.completion_tokens], ['length', 2])
  }
  assert.equal((await chatReply(chat)).choices[0]!.finish_reason, 'stop')
})

test('chat: temperature, top_p, seed, penalties, logit_bias', async () => {
  const sampled = { ...tiny, temperature: 1.5, top_p: 0.99, seed: -7 }
  const text = async (body: object) => (await chatReply(body)).choices[0]!.message.content as string
  assert.equal(await text(sampled), await text(sampled))
  await text({ ...tiny, frequency_penalty: 1, presence_penalty: -1, logit_bias: { '5': -100 } })
  await refused(CHAT, { ...chat, logit_bias: { '5': 1 } }, 'logit_bias')
})

test('chat: choices with a seed differ', async () => {
  const { choices } = await chatReply({
    ...tiny,
    model: 'random',
    temperature: 2,
    seed: 1,
    n: 3
  })
  const texts = choices.map(({ message }) => message.content as string)
  assert.ok(new Set(texts).size > 1, texts.join('|'))
})

test('chat: logprobs and top_logprobs', async () => {
  const { choices } = await chatReply({
    ...tiny,
    temperature: 0,
    logprobs: true,
    top_logprobs: 3
  })
  const first = choices[0]!.logprobs!.content[0]!
  assert.ok(first.logprob <= 0 && first.top_logprobs.length === 3)
  assert.deepEqual(Buffer.from(first.bytes!).toString(), first.token)
  await refused(CHAT, { ...tiny, top_logprobs: 3 }, 'top_logprobs')
  await refused(CHAT, { ...chat, logprobs: true }, 'logprobs')
})

test('chat: user and fields that are only hints are accepted', async () => {
  await chatReply({
    ...chat,
    user: 'me',
    metadata: { a: 'b' },
    service_tier: 'auto',
    store: true,
    verbosity: 'low',
    safety_identifier: 'x',
    prompt_cache_key: 'y',
    prediction: { type: 'content', content: 'x' },
    modalities: ['text']
  })
})

test('chat: tools, tool_choice, parallel_tool_calls', async () => {
  const { choices } = await chatReply(calling)
  assert.equal(choices[0]!.finish_reason, 'tool_calls')
  assert.equal(choices[0]!.message.content, null)
  const [call] = choices[0]!.message.tool_calls!
  assert.deepEqual([call!.type, call!.function.name], ['function', 'f'])
  assert.ok([1, 2].includes((JSON.parse(call!.function.arguments) as { a: number }).a))
  const named = { type: 'function', function: { name: 'f' } }
  await chatReply({ ...calling, tool_choice: named })
  const allowed = { mode: 'required', tools: [named] }
  await chatReply({ ...calling, tool_choice: { type: 'allowed_tools', allowed_tools: allowed } })
  await chatReply({ ...calling, tool_choice: 'none', max_tokens: 2 })
  await refused(
    CHAT,
    { ...calling, tool_choice: { type: 'function', function: { name: 'g' } } },
    'tool_choice'
  )
  await refused(CHAT, { ...chat, tool_choice: 'required' }, 'tool_choice')
  await chatReply({ ...tiny, tools }) // its template has no place for them, so a text tells it
})

test('chat: response_format text, json_object, json_schema (strict)', async () => {
  await chatReply({ ...chat, response_format: { type: 'text' } })
  const name = { name: 'n', strict: true, schema: FUNCTION.parameters }
  const { choices } = await chatReply({
    ...tiny,
    max_tokens: 100,
    response_format: { type: 'json_schema', json_schema: name }
  })
  assert.deepEqual(Object.keys(JSON.parse(choices[0]!.message.content as string) as object), ['a'])
  await chatReply({ ...tiny, response_format: { type: 'json_object' } })
  await refused(CHAT, { ...chat, response_format: { type: 'json_object' } }, 'response_format')
})

test('chat: stream_options.include_usage', async () => {
  const all = await chunks({ ...chat, stream_options: { include_usage: true } })
  const last = all.pop()!
  assert.deepEqual(last.choices, [])
  assert.equal(last.usage!.completion_tokens, 6)
  assert.ok(all.every(({ usage }) => usage === null))
  assert.ok((await chunks(chat)).every((chunk) => !('usage' in chunk)))
})

test('chat: content parts; images are refused', async () => {
  const say = (content: unknown) => ({ ...chat, messages: [{ role: 'user', content }] })
  const parts = [
    { type: 'text', text: 'h' },
    { type: 'text', text: 'i' }
  ]
  const joined = await chatReply(say(parts))
  assert.deepEqual(joined.choices, (await chatReply(chat)).choices)
  const image = { type: 'image_url', image_url: { url: 'data:,' } }
  await refused(CHAT, say([parts[0], image]), 'messages[0].content[1]')
})

test('chat: roles system, developer, user, assistant, tool', async () => {
  const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }
  await chatReply({
    ...tiny,
    model: 'random',
    messages: [
      { role: 'system', content: 'a' },
      { role: 'developer', content: 'b' },
      { role: 'user', content: 'c', name: 'me' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c', content: [{ type: 'text', text: 'd' }] },
      { role: 'user', content: 'e' }
    ]
  })
  await refused(CHAT, { ...chat, messages: [{ role: 'robot', content: 'x' }] }, 'messages[0].role')
})

test('chat: unknown fields are ignored, null counts as absent', async () => {
  await chatReply({ ...chat, unheard_of: { x: 1 }, stop: null, temperature: null, tools: null })
})
