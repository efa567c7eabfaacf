/** Input items of the Responses API of every kind, as agents send them back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import { toMessages } from '../../../../../services/http-bridge/openai/responses/input.ts'
import { checkResponsesBody } from '../../../../../services/http-bridge/openai/responses/request.ts'

const question = { role: 'user', content: 'go on' }

/** The messages before a last question, as they are read. */
function past(...items: unknown[]): ChatMessage[] {
  const { input } = checkResponsesBody({ input: [...items, question] })
  const messages = toMessages(input, () => undefined)
  assert.deepEqual(messages.at(-1), question)
  return messages.slice(0, -1)
}

const called = (name: string, args: string, more: object = {}) => [
  { role: 'assistant', content: '', toolCalls: [{ id: 'a', name, arguments: args }], ...more }
]

test('calls of tools of every kind are calls, and their outputs results', () => {
  assert.deepEqual(
    past({ type: 'function_call', call_id: 'a', name: 'f', arguments: '{"x' }),
    called('f', '{"x')
  )
  assert.deepEqual(
    past({ type: 'custom_tool_call', call_id: 'a', name: 'patch', input: '*** Begin' }),
    called('patch', '{"input":"*** Begin"}')
  )
  const action = { type: 'exec', command: ['ls'] }
  assert.deepEqual(
    past({ type: 'local_shell_call', id: 'l', call_id: 'a', action, status: 'completed' }),
    called('local_shell', JSON.stringify(action))
  )
  assert.deepEqual(
    past({ type: 'apply_patch_call', call_id: 'a', operation: { path: 'x' } }),
    called('apply_patch', '{"path":"x"}')
  )
  assert.deepEqual(past({ type: 'mcp_call', id: 'a', name: 'f', arguments: '{}', output: 'ok' }), [
    ...called('f', '{}'),
    { role: 'tool', content: 'ok', toolCallId: 'a' }
  ])
})

test('an id of any length is taken', () => {
  const long = 'x'.repeat(5000)
  const [said, result] = past(
    { type: 'message', id: long, role: 'assistant', content: 'a' },
    { type: 'function_call', id: long, call_id: long, name: 'f', arguments: '{}' },
    { type: 'function_call_output', id: long, call_id: long, output: 'b' }
  )
  assert.equal(said?.toolCalls?.[0]?.id, result?.toolCallId)
  assert.equal(result?.content, 'b')
})

test('outputs are text: parts, objects, and a word for an image', () => {
  const output = (value: unknown, type = 'function_call_output') =>
    past({ type, call_id: 'a', output: value })[0]!.content
  assert.equal(output('x'), 'x')
  assert.equal(output([{ type: 'input_text', text: 'x' }]), 'x')
  assert.equal(output({ a: 1 }), '{"a":1}')
  assert.equal(output(null), '')
  assert.equal(
    output([{ stdout: 'x', stderr: '' }], 'shell_call_output'),
    '{"stdout":"x","stderr":""}'
  )
  assert.equal(
    output({ type: 'computer_screenshot', image_url: 'data:' }, 'computer_call_output'),
    '[image]'
  )
  assert.equal(output('x', 'custom_tool_call_output'), 'x')
})

test('thoughts belong to the message or the call after them', () => {
  const thought = {
    type: 'reasoning',
    id: 'rs_1',
    summary: [{ type: 'summary_text', text: 'why' }]
  }
  assert.deepEqual(past(thought, { role: 'assistant', content: 'a' }), [
    { role: 'assistant', content: 'a', reasoning: 'why' }
  ])
  const whole = { type: 'reasoning', content: [{ type: 'reasoning_text', text: 'all' }] }
  assert.deepEqual(
    past(whole, { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' }),
    called('f', '{}', { reasoning: 'all' })
  )
  assert.deepEqual(past(thought), [{ role: 'assistant', content: '', reasoning: 'why' }])
  const hidden = { type: 'reasoning', summary: [], encrypted_content: 'xx' }
  assert.deepEqual(past(hidden), [])
})

test('items that hold nothing a model could read leave nothing', () => {
  const silent = [
    { type: 'web_search_call', id: 'ws', status: 'completed', action: { type: 'search' } },
    { type: 'file_search_call', id: 'fs', queries: ['x'], results: null },
    { type: 'image_generation_call', id: 'ig', result: 'AAAA' },
    { type: 'mcp_list_tools', id: 'm', tools: [] },
    { type: 'compaction', encrypted_content: 'x' }
  ]
  assert.deepEqual(past(...silent), [])
})

test('messages of every form are messages', () => {
  assert.deepEqual(
    past(
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'a' }] },
      { role: 'user', content: [{ type: 'input_image', image_url: 'data:' }] },
      {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        phase: 'commentary',
        content: [{ type: 'output_text', text: 'b', annotations: [] }]
      }
    ),
    [
      { role: 'system', content: 'a' },
      { role: 'user', content: '[image]' },
      { role: 'assistant', content: 'b' }
    ]
  )
})

test('an image in the newest message, and a kind that nobody has heard of, are refused', () => {
  const image = { role: 'user', content: [{ type: 'input_image', image_url: 'data:' }] }
  for (const [input, param] of [
    [[image], 'input[0].content[0]'],
    [[{ type: 'hologram' }, question], 'input[0].type']
  ] as const) {
    assert.throws(() => toMessages(checkResponsesBody({ input }).input, () => undefined), {
      details: { param }
    })
  }
})
