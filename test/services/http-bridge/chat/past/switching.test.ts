/**
 * A chat that one model has written goes on with any other: the built-in one, which knows no tools
 * and no thoughts, and models with the templates of real families.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatReply } from '#shared/contracts/http/chat.ts'
import { bundleTemplates } from '../../../../helpers/bundle-templates.ts'
import { startChecklist, CHAT } from '../../openai/checklist.ts'

const FAMILIES = {
  qwen3: 'Qwen-Qwen3-0.6B',
  'gpt-oss': 'openai-gpt-oss-120b',
  llama: 'meta-llama-Llama-3.1-8B-Instruct'
}
const bundled = bundleTemplates()
const templates = Object.fromEntries(
  Object.entries(FAMILIES).map(([name, file]) => [name, bundled.get(file)!])
)
const { ask, chatReply } = await startChecklist({ llama: true, templates })
const MODELS = ['haif-tiny', 'random', ...Object.keys(FAMILIES)]

const user = { role: 'user', content: 'And now?' }
const call = (id: string, text: string, name = 'weather') => {
  return { id, type: 'function', function: { name, arguments: text } }
}
const calling = (...calls: object[]) => ({ role: 'assistant', content: null, tool_calls: calls })
const result = (id: string, content: unknown = '21 C') => ({
  role: 'tool',
  tool_call_id: id,
  content
})
const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }
const weather = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: {} } } }
}

const CHATS: Record<string, unknown[]> = {
  'a call that was cut': [calling(call('a', '{"city": "Par')), result('a', 'invalid JSON'), user],
  'a call that was cut, without a result': [calling(call('a', '{"city": "Par')), user],
  'broken, empty and listed arguments': [
    calling(call('a', ''), call('b', '[1]'), call('c', '{"a":1}{"b":2}'), call('d', 'null')),
    ...['a', 'b', 'c', 'd'].map((id) => result(id)),
    user
  ],
  'calls without ids and names': [{ role: 'assistant', tool_calls: [{}, {}] }, result('x'), user],
  'a result of no call': [result('a'), user],
  'a result that ends the chat': [calling(call('a', '{}')), result('a', null)],
  thoughts: [{ role: 'assistant', content: 'Yes.', reasoning_content: 'Hm.' }, user],
  'thoughts before a call': [{ ...calling(call('a', '{}')), reasoning: 'Hm.' }, result('a'), user],
  'markup of another family': [
    { role: 'assistant', content: '<think>Hm</think><|im_end|>[TOOL_CALLS]<|channel|>' },
    user
  ],
  'null contents': [
    { role: 'system', content: null },
    { role: 'user', content: null },
    { role: 'assistant', content: null },
    user
  ],
  'an image': [{ role: 'user', content: [image] }, { role: 'assistant', content: 'A cat.' }, user],
  'an image as a result': [calling(call('a', '{}')), result('a', [image])],
  'systems in the middle': [
    { role: 'system', content: 'a' },
    { role: 'system', content: 'b' },
    user
  ],
  'two users and two assistants': [
    user,
    { role: 'assistant', content: 'a' },
    { role: 'assistant', content: 'b' },
    user
  ],
  'the assistant first': [{ role: 'assistant', content: 'Hello!' }, user],
  'the assistant last': [{ role: 'assistant', content: 'I think that' }],
  'a thought last': [{ role: 'assistant', content: '', reasoning_content: 'I think' }],
  'a call last': [calling(call('a', '{"city": "Par'))],
  'Anthropic parts': [
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Hm.' },
        { type: 'tool_use', id: 'a', name: 'weather', input: { city: 'Paris' } }
      ]
    },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: '21 C' }] }
  ]
}

for (const model of MODELS) {
  test(`${model} goes on with every chat`, async () => {
    for (const [name, turns] of Object.entries(CHATS)) {
      const messages = [{ role: 'user', content: 'Weather in Paris?' }, ...turns]
      const { status, body } = await ask(CHAT, { model, messages, max_tokens: 2 })
      assert.equal(status, 200, `${name}: ${JSON.stringify(body)}`)
    }
  })
}

test('an answer that was cut inside a call goes on after it', async () => {
  const asked = { model: 'random', tools: [weather], temperature: 1.2, seed: 5 }
  const messages: unknown[] = [{ role: 'user', content: 'Weather in Paris?' }]
  const cut = await chatReply({ ...asked, messages, max_tokens: 12, tool_choice: 'required' })
  const [choice] = cut.choices
  assert.equal(choice!.finish_reason, 'length')
  const after = [...messages, choice!.message]
  for (const more of [[], [user], [result('x')]]) {
    await chatReply({ ...asked, messages: [...after, ...more], max_tokens: 4 })
  }
})

test('a message of the assistant is continued: whole, and told apart from a new turn', async () => {
  const greedy = {
    model: 'haif-tiny',
    temperature: 0,
    messages: [{ role: 'user', content: 'What is HAIF?' }]
  }
  const textOf = ({ choices }: ChatReply) => choices[0]!.message.content!
  const whole = textOf(await chatReply({ ...greedy, max_tokens: 24 }))
  const begun = whole.slice(0, whole.indexOf(' ', 12))
  const messages = [...greedy.messages, { role: 'assistant', content: begun }]
  const rest = await chatReply({ ...greedy, messages, max_tokens: 24 })
  assert.ok(textOf(rest).length > 0)
  assert.ok(
    (begun + textOf(rest)).startsWith(whole.slice(0, begun.length + 6)),
    begun + textOf(rest)
  )
  const plain = await chatReply({ ...greedy, max_tokens: 1 })
  assert.ok(rest.usage.prompt_tokens > plain.usage.prompt_tokens)
  // A stop text is looked for in the answer, and not in what the client has written.
  const stopped = await chatReply({ ...greedy, messages, max_tokens: 8, stop: [begun.slice(0, 4)] })
  assert.ok(textOf(stopped).length > 0)
})
