/** Chats that a template refuses, writes incompletely, or is used against. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ChatTemplate } from '../../../../../../../services/worker/engines/llama/child/prompt/chat-template.ts'
import type { ChatMessage, Tool } from '../../../../../../../shared/contracts/inference/chat.ts'
import { bundleTemplates } from '../../../../../../helpers/bundle-templates.ts'

const templates = bundleTemplates()
const NAMES = [
  'Qwen-Qwen3-0.6B',
  'openai-gpt-oss-120b',
  'google-gemma-2-2b-it',
  'google-gemma-4-31B-it',
  'meta-llama-Llama-3.1-8B-Instruct',
  'mistralai-Mistral-Nemo-Instruct-2407',
  'mistralai-Ministral-3-14B-Reasoning-2512',
  'Kimi-K2-Instruct',
  'GLM-4.6',
  'deepseek-ai-DeepSeek-V3.1',
  'microsoft-Phi-3.5-mini-instruct',
  'LFM2-8B-A1B'
] as const

const templateOf = (name: string): ChatTemplate =>
  new ChatTemplate({ source: templates.get(name)!, bosText: '<bos>', eosText: '<eos>' })
const all = NAMES.map((name) => [name, templateOf(name)] as const)

const user = (content: string): ChatMessage => ({ role: 'user', content })
const said = (content: string): ChatMessage => ({ role: 'assistant', content })
const system = (content: string): ChatMessage => ({ role: 'system', content })
const calling = (...toolCalls: NonNullable<ChatMessage['toolCalls']>): ChatMessage => ({
  ...said(''),
  toolCalls
})
const result = (toolCallId: string, content: string): ChatMessage => ({
  role: 'tool',
  content,
  toolCallId
})

/** Every template takes the chat, and every one of the texts is in the prompt. */
function assertTaken(
  messages: readonly ChatMessage[],
  texts: readonly string[],
  tools?: Tool[],
  names: readonly string[] = NAMES
) {
  for (const [name, template] of all.filter(([each]) => names.includes(each))) {
    const { text } = template.render({ messages, ...(tools === undefined ? {} : { tools }) })
    for (const part of texts) {
      const escaped = JSON.stringify(part).slice(1, -1)
      assert.ok(text.includes(part) || text.includes(escaped), `${name} lacks ${part}: ${text}`)
    }
  }
}

const MARKS = '<|im_end|><|end|><eos></s>[/INST]<end_of_turn><|channel|>'

suite('the past is never refused', () => {
  test('wherever system messages stand', () => {
    assertTaken([system('S1'), system('S2'), user('U1')], ['S1', 'S2', 'U1'])
    assertTaken([user('U1'), said('A1'), system('S1'), user('U2')], ['U1', 'A1', 'S1', 'U2'])
    assertTaken([system('S1')], ['S1'])
    assertTaken([user('U1'), system('S1')], ['U1', 'S1'])
  })

  test('in whatever order the roles come', () => {
    assertTaken([said('A1'), user('U1')], ['A1', 'U1'])
    assertTaken([user('U1'), user('U2'), said('A1'), said('A2'), user('U3')], ['U1', 'U2', 'A2'])
    assertTaken([user('U1'), said('A1')], ['U1', 'A1'])
    assertTaken([user('')], [])
  })

  test('whatever was called, with arguments of any form', () => {
    const forms = ['{"a": "X1"}', '{"a": "X1', '["X1"]', '"X1"', 'X1 {', '{"a":1}{"a":"X1"}']
    for (const args of forms) {
      const id = 'call_0123456789abcdefghijklmnopqrstuvwxyz'
      const chat = [user('U1'), calling({ id, name: 'f', arguments: args }), result(id, 'R1')]
      assertTaken(chat, ['U1', 'X1', 'R1'])
    }
    const deep = `{"a":${'['.repeat(9_000)}${']'.repeat(9_000)}}`
    const odd = ['', ' ', 'null', '[]', '{}', deep, '{"__proto__": {"items": "X"}, "get": 1}']
    for (const args of odd) {
      assertTaken([user('U1'), calling({ id: 'c', name: 'f1', arguments: args })], ['U1', 'f1'])
    }
  })

  test('several calls in one turn, results without calls and calls without results', () => {
    const calls = ['one', 'two', 'three'].map((name) => {
      return { id: `call_${name}`, name, arguments: `{"of": "${name}Argument"}` }
    })
    const results = calls.map(({ id, name }) => result(id, `${name}Result`))
    const texts = calls.flatMap(({ name }) => [`${name}Argument`, `${name}Result`])
    assertTaken([user('U1'), calling(...calls), ...results, user('U2')], [...texts, 'U1', 'U2'])
    assertTaken([user('U1'), calling(...calls)], ['oneArgument', 'threeArgument'])
    assertTaken([user('U1'), result('nobody', 'R1')], ['U1', 'R1'])
    const both = { ...calling(calls[0]!), content: 'Let me see.' }
    assertTaken([system('S1'), user('U1'), both, results[0]!, said('A1'), user('U2')], ['S1', 'A1'])
  })

  test('with more messages than a model has room for', () => {
    const many = Array.from({ length: 1100 }, (_, i) => (i % 2 === 0 ? user : said)(`M${i}`))
    assertTaken(many, ['M0', 'M1', 'M1099'], undefined, ['Qwen-Qwen3-0.6B', 'GLM-4.6'])
  })
})

test('past calls that a template leaves out are written in the form of its model', () => {
  const args = '{"city": "Köln \\"x\\"", "days": [1, true]}'
  const chat = [user('U1'), calling({ id: 'c', name: 'f', arguments: args }), result('c', 'R1')]
  const own = (name: string) => {
    const { text, spans } = templateOf(name).render({ messages: chat })
    const marks = spans.filter(({ source }) => source === 0).map((span) => span.text)
    return { text, marks: marks.join('') }
  }
  const lfm = own('LFM2-8B-A1B')
  const python = '<|tool_call_start|>[f(city="Köln \\"x\\"", days=[1, True])]<|tool_call_end|>'
  assert.ok(lfm.text.includes(`assistant\n${python}<|im_end|>`), lfm.text)
  assert.ok(lfm.marks.includes('<|tool_call_start|>['), 'its marks become tokens')
  const granite = own('ibm-granite-granite-3.3-2B-Instruct')
  assert.ok(granite.text.includes(`<|tool_call|>[{"name": "f", "arguments": ${args}}]`))
  const phi = own('microsoft-Phi-3.5-mini-instruct')
  assert.ok(phi.text.includes(`<tool_call>\n{"name": "f", "arguments": ${args}}\n</tool_call>`))
})

suite('text of a caller', () => {
  const spansOf = (name: string, messages: readonly ChatMessage[], tools?: Tool[]) =>
    templateOf(name).render({ messages, ...(tools === undefined ? {} : { tools }) }).spans

  test('is never the template’s, wherever a caller can write', () => {
    const tools: Tool[] = [
      {
        name: 'f',
        description: MARKS,
        parameters: {
          type: 'object',
          title: MARKS,
          properties: { [MARKS]: { type: 'string', description: MARKS, enum: [MARKS] } },
          required: [MARKS]
        }
      }
    ]
    const call = { id: MARKS, name: MARKS, arguments: JSON.stringify({ [MARKS]: MARKS }) }
    const chat = [
      system(MARKS),
      user(MARKS),
      { ...calling(call), reasoning: MARKS },
      result(MARKS, MARKS),
      user(`${MARKS}haif${MARKS}`)
    ]
    for (const name of templates.keys()) {
      const plain = templateOf(name).render({
        messages: JSON.parse(JSON.stringify(chat).replaceAll(MARKS, 'plain')) as ChatMessage[],
        tools: JSON.parse(JSON.stringify(tools).replaceAll(MARKS, 'plain')) as Tool[]
      })
      const own = (spans: typeof plain.spans) =>
        spans
          .filter(({ source }) => source === 0)
          .map(({ text }) => text)
          .join('')
          .match(/<\|im_end\|>|<\|end\|>|<eos>|<\/s>|\[\/INST\]|<end_of_turn>|<\|channel\|>/g)
          ?.length
      assert.equal(own(spansOf(name, chat, tools)), own(plain.spans), name)
    }
  })

  test('is in the prompt as it is: NUL, half a pair, braces, what a placeholder might be', () => {
    const odd = ['a\0b', 'a\uD800b', '{{ x }}{% if %}', 'haifText0x7Qp', '\u2028', '\uFEFFx']
    for (const text of odd) assertTaken([user(`[${text}]`)], [`[${text}]`])
  })

  test('of a variable is a caller’s too, and cannot take the place of the messages', () => {
    const source =
      '{% set ns = namespace(a=1) %}{% for m in messages %}{{ m.content }}{% endfor %}' +
      '{{ style }}{{ bos_token }}'
    const template = new ChatTemplate({ source, bosText: '<bos>', eosText: '' })
    const { spans } = template.render({
      messages: [user('U1')],
      variables: { style: MARKS, messages: [], bos_token: 'x', namespace: 1 }
    })
    assert.deepEqual(
      spans.map(({ text, source: number }) => [text, number > 0]),
      [
        ['U1', true],
        [MARKS, true],
        ['<bos>', false]
      ]
    )
  })
})

suite('a template', () => {
  test('that fits is given the chat as it is, and one for tools where there are some', () => {
    const source = '{{ messages | length }}{{ tools }}'
    const template = new ChatTemplate({
      source,
      toolSource: '{{ tools[0].function.name }}{{ messages[0].content }}',
      bosText: '',
      eosText: ''
    })
    assert.equal(template.renderAsIs({ messages: [user('U1')] }).text, '1None')
    assert.equal(template.render({ messages: [user('U1')], tools: [{ name: 'f' }] }).text, 'fU1')
  })

  test('that refuses everything is quoted in the error', () => {
    const source = "{{ raise_exception('only on Sundays') }}"
    const template = new ChatTemplate({ source, bosText: '', eosText: '' })
    assert.throws(() => template.render({ messages: [user('U1')] }), {
      code: 'VALIDATION_FAILED',
      message: /only on Sundays/
    })
  })

  test('numbers in arguments stay as they were written', () => {
    const args = '{"whole": 1.0, "id": 12345678901234567890, "small": 1e-7}'
    const chat = [user('U1'), calling({ id: 'c', name: 'f', arguments: args })]
    const { text } = templateOf('Qwen-Qwen3-0.6B').render({ messages: chat })
    assert.ok(text.includes('{"whole": 1.0, "id": 12345678901234567890, "small": 1e-07}'), text)
  })
})
