/** Past turns as clients send them: whatever they hold, the mesh gets messages that fit. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import { InferenceInput } from '#shared/contracts/inference/request.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import { checkChatBody, readChat } from '../../../../../services/http-bridge/openai/chat/request.ts'

const input = Compile(InferenceInput)

function read(messages: unknown[]): ChatMessage[] {
  const [asked] = readChat(checkChatBody({ messages }))
  assert.ok(input.Check(asked!.input), JSON.stringify(asked!.input))
  assert.ok(asked!.input.mode === 'chat')
  return asked!.input.messages
}

/** The messages before a last question, as they are read. */
const past = (...messages: unknown[]): ChatMessage[] =>
  read([...messages, { role: 'user', content: 'go on' }]).slice(0, -1)

const call = (more: object) => ({ role: 'assistant', content: null, tool_calls: [more] })
const argumentsOf = (text: unknown) =>
  past(call({ id: 'a', type: 'function', function: { name: 'f', arguments: text } }))[0]!.toolCalls

test('content that is null, a number, a part or a list of texts is text', () => {
  for (const role of ['user', 'system', 'assistant']) {
    assert.deepEqual(past({ role, content: null }), [{ role, content: '' }])
    assert.deepEqual(past({ role }), [{ role, content: '' }])
    assert.deepEqual(past({ role, content: 5 }), [{ role, content: '5' }])
    assert.deepEqual(past({ role, content: { type: 'text', text: 'x' } }), [{ role, content: 'x' }])
    assert.deepEqual(past({ role, content: ['x', { text: 'y' }] }), [{ role, content: 'xy' }])
  }
})

test('parts without text leave a word in the past', () => {
  const parts = [
    { type: 'text', text: 'see ' },
    { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
    { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
    { type: 'file', file: { file_data: 'AAAA' } },
    { type: 'hologram' },
    {}
  ]
  const [user] = past({ role: 'user', content: parts }, { role: 'assistant', content: 'ok' })
  assert.equal(user!.content, 'see [image][audio][file][hologram][part]')
  const [, tool] = past(call({ id: 'a', function: { name: 'f' } }), {
    role: 'tool',
    tool_call_id: 'a',
    content: parts.slice(0, 2)
  })
  assert.equal(tool!.content, 'see [image]')
})

test('images and sounds travel beside the text, in the past beside their word', () => {
  const url = 'data:image/png;base64,AAAA'
  const image = { type: 'image_url', image_url: { url, detail: 'low' } }
  const sound = { type: 'input_audio', input_audio: { data: 'BBBB', format: 'wav' } }
  const source = { type: 'base64', media_type: 'image/webp', data: 'CCCC' }
  const [first, , newest] = read([
    { role: 'user', content: [{ type: 'text', text: 'see ' }, image, { type: 'text', text: '!' }] },
    { role: 'assistant', content: 'A cat.' },
    { role: 'user', content: [sound, { type: 'text', text: 'hear' }, { type: 'image', source }] }
  ])
  const told = { kind: 'image', data: url, detail: 'low' }
  assert.deepEqual(first, {
    role: 'user',
    content: 'see [image]!',
    media: [{ media: told, at: 4, wordLength: 7, param: 'messages[0].content[1]' }]
  })
  const [heard, seen] = newest!.media!
  assert.equal(newest!.content, 'hear')
  assert.deepEqual(heard, {
    media: { kind: 'audio', data: 'BBBB', format: 'wav' },
    at: 0,
    wordLength: 0,
    param: 'messages[2].content[0]'
  })
  assert.deepEqual([seen!.at, seen!.media.data], [4, 'data:image/webp;base64,CCCC'])
})

test('a part without text in the newest message of the user is refused by name', () => {
  const image = { type: 'image_url', image_url: { url: 'x' } }
  assert.throws(() => read([{ role: 'user', content: [{ type: 'text', text: 'a' }, image] }]), {
    code: 'UNSUPPORTED_PARAMETER',
    message: /^messages\[0\]\.content\[1\] is of type "image_url", and the models here read text/
  })
})

test('thoughts reach the model under every name that servers have for them', () => {
  const thought = [{ role: 'assistant', content: 'a', reasoning: 'why' }]
  for (const field of ['reasoning_content', 'reasoning', 'thinking']) {
    assert.deepEqual(past({ role: 'assistant', content: 'a', [field]: 'why' }), thought)
  }
  for (const part of [
    { type: 'thinking', thinking: 'why', signature: 'x' },
    { type: 'thinking', thinking: [{ type: 'text', text: 'why' }] },
    { type: 'reasoning', text: 'why' },
    { type: 'reasoning', summary: [{ type: 'summary_text', text: 'why' }] }
  ]) {
    const content = [part, { type: 'text', text: 'a' }]
    assert.deepEqual(past({ role: 'assistant', content }), thought)
  }
  const details = [{ type: 'reasoning.text', text: 'why' }]
  assert.deepEqual(past({ role: 'assistant', content: 'a', reasoning_details: details }), thought)
  const hidden = [
    { type: 'redacted_thinking', data: 'xx' },
    { type: 'text', text: 'a' }
  ]
  assert.deepEqual(past({ role: 'assistant', content: hidden }), [
    { role: 'assistant', content: 'a' }
  ])
})

test('arguments stay as they were written, valid or not; what was encoded twice is decoded once', () => {
  for (const text of [
    '{"a":1}',
    '{"a": "Par',
    '',
    ' ',
    'null',
    '[1]',
    '{"a":1}{"b":2}',
    '"x"',
    '{\n'
  ]) {
    assert.deepEqual(argumentsOf(text), [{ id: 'a', name: 'f', arguments: text }], text)
  }
  assert.equal(argumentsOf('"{\\"a\\":1}"')![0]!.arguments, '{"a":1}')
  assert.equal(argumentsOf({ a: null })![0]!.arguments, '{"a":null}')
  assert.equal(argumentsOf(null)![0]!.arguments, '{}')
})

test('calls of other APIs are calls: legacy, custom, and parts of Anthropic', () => {
  const expected = [
    { role: 'assistant', content: 'so', toolCalls: [{ id: 'a', name: 'f', arguments: '{"x":1}' }] },
    { role: 'tool', content: 'done', toolCallId: 'a' }
  ]
  const parts = [
    { type: 'text', text: 'so' },
    { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } }
  ]
  const result = {
    type: 'tool_result',
    tool_use_id: 'a',
    content: [{ type: 'text', text: 'done' }]
  }
  assert.deepEqual(
    past({ role: 'assistant', content: parts }, { role: 'user', content: [result] }),
    expected
  )
  const [legacy, answer] = past(
    { role: 'assistant', content: 'so', function_call: { name: 'f', arguments: '{"x":1}' } },
    { role: 'function', name: 'f', content: 'done' }
  )
  assert.equal(legacy!.toolCalls![0]!.name, 'f')
  assert.equal(answer!.toolCallId, legacy!.toolCalls![0]!.id)
  const custom = past(call({ id: 'a', type: 'custom', custom: { name: 'f', input: 'x' } }))
  assert.deepEqual(custom[0]!.toolCalls, [{ id: 'a', name: 'f', arguments: '{"input":"x"}' }])
})

test('calls and results without ids find each other in order, and long ids stay pairs', () => {
  const turn = {
    role: 'assistant',
    tool_calls: [{ function: { name: 'f' } }, { function: { name: 'g' } }]
  }
  const [calls, first, second] = past(turn, { role: 'tool', content: '1' }, { role: 'tool' })
  const ids = calls!.toolCalls!.map(({ id }) => id)
  assert.equal(new Set(ids).size, 2)
  assert.deepEqual([first!.toolCallId, second!.toolCallId], ids)
  const long = 'x'.repeat(5000)
  const [asked, told] = past(call({ id: long, function: { name: 'f' } }), {
    role: 'tool',
    tool_call_id: long,
    content: ''
  })
  assert.equal(asked!.toolCalls![0]!.id, told!.toolCallId)
})

test('what is no message at all is refused by its place', () => {
  for (const [messages, param] of [
    ['hi', 'messages'],
    [[], 'messages'],
    [[5], 'messages.0'],
    [[{ role: 'robot', content: 'x' }], 'messages.0.role'],
    [undefined, 'messages']
  ] as const) {
    const body = messages === undefined ? {} : { messages }
    assert.throws(() => checkChatBody(body), { details: { param } }, JSON.stringify(messages))
  }
})

test('a last message of the assistant is continued, unless a new turn is asked for', () => {
  const messages = [
    { role: 'user', content: 'count' },
    { role: 'assistant', content: 'one' }
  ]
  const continues = (more: object, of: unknown[] = messages) =>
    readChat(checkChatBody({ messages: of, ...more }))[0]!.continueFinal === true
  assert.ok(continues({}))
  assert.ok(continues({ continue_final_message: true, add_generation_prompt: false }))
  assert.ok(continues({ continue_final_message: 'content' }))
  assert.ok(!continues({ add_generation_prompt: true }))
  assert.ok(!continues({ continue_final_message: false }))
  assert.ok(!continues({}, messages.slice(0, 1)))
  const calling = [messages[0], call({ id: 'a', function: { name: 'f' } })]
  assert.ok(!continues({}, calling))
  const refused: [object, unknown[]][] = [
    [{ add_generation_prompt: true }, messages],
    [{}, calling],
    [{}, messages.slice(0, 1)]
  ]
  for (const [more, of] of refused) {
    assert.throws(() => continues({ continue_final_message: true, ...more }, of), {
      details: { param: 'continue_final_message' }
    })
  }
})
