/** The place of tools in a prompt: in the template, or in a text that describes them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chatFormatOf } from '../../../../../../../services/worker/engines/llama/child/prompt/chat-format.ts'
import { ChatTemplate } from '../../../../../../../services/worker/engines/llama/child/prompt/chat-template.ts'
import { withToolText } from '../../../../../../../services/worker/engines/llama/child/prompt/tool-text.ts'
import { CHATML_TEMPLATE } from '../../../../../../../tools/haif-tiny/gguf/vocabulary.ts'
import { byteVocabulary, readOutput } from '../../../../../../helpers/recorded/reading.ts'
import { DEEPSEEK_TEMPLATE, HERMES_TEMPLATE } from '../../../../../../helpers/tool-templates.ts'

const vocabulary = byteVocabulary({ control: ['<|im_end|>'] })
const of = (source: string, toolsAsText = true) =>
  chatFormatOf(new ChatTemplate({ source, bosText: '', eosText: '' }), vocabulary, toolsAsText)

const TOOLS = [{ name: 'now', description: 'Tells "the" time.' }]

test('a template with a place for tools needs no text', () => {
  const { format, example } = of(HERMES_TEMPLATE, false)
  assert.deepEqual([format.calls, example], [true, null])
})

test('a template without one has calls in the form that its text teaches', () => {
  const { format, example } = of(CHATML_TEMPLATE)
  const written = example!.replace('function-name', 'now').replace(/\{"argument.*?\}/, '{"a": 1}')
  const { content, calls } = readOutput(`One moment.\n${written}`, {
    format,
    vocabulary,
    tools: TOOLS
  })
  assert.equal(content, 'One moment.')
  assert.deepEqual(
    calls.map(({ name, arguments: json }) => [name, json]),
    [['now', '{"a": 1}']]
  )
})

test('a template that writes past calls but shows no tools teaches its own form', () => {
  const source = DEEPSEEK_TEMPLATE.replace('{%- if tools %}', '{%- if false %}')
  const { example } = of(source)
  assert.match(
    example!,
    /^<｜tool▁calls▁begin｜>.*function-name<｜tool▁sep｜>\{.*<｜tool▁calls▁end｜>$/
  )
})

test('switched off, there are no tools where the template has no place for them', () => {
  assert.equal(of(CHATML_TEMPLATE, false).format.calls, false)
})

test('the text goes into the system message, with the tools in it', () => {
  const user = { role: 'user' as const, content: 'When?' }
  const alone = withToolText([user], TOOLS, 'EXAMPLE')
  assert.equal(alone[0]!.role, 'system')
  assert.ok(alone[0]!.content.includes(JSON.stringify(TOOLS[0])))
  assert.ok(alone[0]!.content.includes('\nEXAMPLE\n'))
  const beside = withToolText([{ role: 'system', content: 'Be brief.' }, user], TOOLS, 'EXAMPLE')
  assert.equal(beside.length, 2)
  assert.ok(beside[0]!.content.startsWith('Be brief.\n\n# Tools'))
})
