/** Formats of tool calls as they are found in templates, and calls read in each of them. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { ChatMessage, ToolCall } from '../../../../../../../shared/contracts/inference/chat.ts'
import { PROBE_TOOLS } from '../../../../../../../services/worker/engines/llama/child/format/find-calls.ts'
import { findFormat } from '../../../../../../../services/worker/engines/llama/child/format/find-format.ts'
import { ChatTemplate } from '../../../../../../../services/worker/engines/llama/child/prompt/chat-template.ts'
import { byteVocabulary, readCut, readOutput } from '../../../../../../helpers/recorded/reading.ts'
import {
  DEEPSEEK_TEMPLATE,
  HERMES_TEMPLATE,
  LLAMA_TEMPLATE,
  MISTRAL_TEMPLATE
} from '../../../../../../helpers/tool-templates.ts'

const DEEPSEEK_MARKS = ['calls▁begin', 'call▁begin', 'sep', 'call▁end', 'calls▁end']
const FAMILIES = {
  Hermes: { source: HERMES_TEMPLATE, control: ['<|im_end|>'], parallel: true, bare: false },
  Llama: { source: LLAMA_TEMPLATE, control: ['<|eot_id|>'], parallel: false, bare: true },
  Mistral: { source: MISTRAL_TEMPLATE, control: ['</s>', '[TOOL_CALLS]'], parallel: true },
  DeepSeek: {
    source: DEEPSEEK_TEMPLATE,
    control: ['<｜end▁of▁sentence｜>', ...DEEPSEEK_MARKS.map((mark) => `<｜tool▁${mark}｜>`)],
    parallel: true
  }
} as const

const CALLS = [
  { name: 'get_weather', arguments: '{"city": "a \\"}{\\\\", "n": [1, {"x": "]}"}]}' },
  { name: 'get', arguments: '{}' }
]
const TOOLS = CALLS.map(({ name }) => ({ name }))

function family(name: keyof typeof FAMILIES) {
  const { source, control } = FAMILIES[name]
  const vocabulary = byteVocabulary({ control, ends: control.slice(0, 1) })
  const template = new ChatTemplate({ source, bosText: '<s>', eosText: '</s>' })
  const render = (messages: readonly ChatMessage[]) =>
    template.render({ messages, tools: PROBE_TOOLS, addGenerationPrompt: false }).text
  return {
    template,
    vocabulary,
    format: findFormat({ source, render, otherwise: null }, vocabulary)
  }
}

/** The calls as the family's template writes them. */
function written(name: keyof typeof FAMILIES, calls: readonly Omit<ToolCall, 'id'>[]): string {
  const { template } = family(name)
  const toolCalls = calls.map((call, i) => ({ id: `Ab1Cd2Ef${i}`, ...call }))
  const messages: ChatMessage[] = [{ role: 'user', content: 'x' }]
  const before = template.render({ messages, addGenerationPrompt: true }).text
  const all = [...messages, { role: 'assistant' as const, content: '', toolCalls }]
  const { text } = template.render({ messages: all, addGenerationPrompt: false })
  return text.slice(before.length).replace(/(<\|im_end\|>|<\|eot_id\|>|<\/s>|<｜end▁of.*>)\n?$/, '')
}

const plain = (calls: readonly ToolCall[]) => {
  return calls.map((call) => [call.name, JSON.parse(call.arguments) as unknown])
}

for (const name of Object.keys(FAMILIES) as (keyof typeof FAMILIES)[]) {
  const { parallel, ...more } = FAMILIES[name]
  const isBare = 'bare' in more && more.bare
  suite(`tool calls as ${name} writes them`, () => {
    const { format, vocabulary } = family(name)
    const options = { format, vocabulary, tools: TOOLS }

    test('calls are read, however they are cut', () => {
      const some = parallel ? CALLS : CALLS.slice(0, 1)
      const before = isBare ? '' : 'Let me see. \n'
      const output = before + written(name, some)
      const whole = readOutput(output, options)
      assert.deepEqual(plain(whole.calls), plain(some as ToolCall[]))
      assert.equal(whole.content, before.trimEnd())
      for (let at = 0; at < output.length; at++) {
        const { content, calls } = readCut(output, at, options)
        assert.deepEqual(
          { content, calls },
          { content: whole.content, calls: whole.calls },
          `${at}`
        )
      }
    })

    test('one call ends the answer where only one may be', () => {
      const output = `${written(name, CALLS.slice(0, 1))}\nmore`
      const { calls, finishReason, taken } = readOutput(output, { ...options, parallel: false })
      assert.deepEqual([calls.length, finishReason], [1, 'toolCalls'])
      assert.ok(taken < vocabulary.tokenize(output, { special: true }).length)
    })

    test('what is no call is text', () => {
      const begun = written(name, CALLS.slice(0, 1)).slice(0, 6)
      for (const text of ['plain', ' {"a": 1}', 'a < b [T', '\n\n', begun, '{"name": "Bo"}']) {
        if (
          vocabulary.tokenize(text, { special: true }).some((token) => vocabulary.isControl(token))
        ) {
          continue
        }
        for (let at = 0; at <= text.length; at++) {
          const { calls, content } = readCut(text, at, options)
          assert.deepEqual([calls, content], [[], text])
        }
      }
    })
  })
}

suite('calls in JSON', () => {
  const { format, vocabulary } = family('Hermes')
  const read = (call: string) =>
    plain(readOutput(`<tool_call>${call}</tool_call>`, { format, vocabulary, tools: TOOLS }).calls)

  test('members come in any order, with others between them', () => {
    for (const call of [
      '{"name": "get", "arguments": {"a": 1}}',
      '{"arguments": {"a": 1}, "name": "get"}',
      '{"type": "function", "name": "get", "parameters": {"a": 1}}',
      '{"id": "x", "type": "function", "function": {"name": "get", "arguments": {"a": 1}}}',
      '{"name": "get", "arguments": "{\\"a\\": 1}"}',
      '{"function": "get", "parameters": {"a": 1}}'
    ]) {
      assert.deepEqual(read(call), [['get', { a: 1 }]], call)
    }
    assert.deepEqual(read('{"name": "get"}'), [['get', {}]])
    assert.deepEqual(read('{"name": "get", "arguments": null}'), [['get', {}]])
  })

  test('a call that is none stays text', () => {
    for (const call of ['{"nome": "get"}', 'get', '[1]', '{"name": 1, "arguments": {}}']) {
      const output = `<tool_call>${call}</tool_call>`
      const { content, calls } = readOutput(output, { format, vocabulary, tools: TOOLS })
      assert.deepEqual([content, calls], [output, []])
    }
  })

  test('long arguments take time in proportion to their length', () => {
    const code = 'x = "{}[]\\\\" '.repeat(3_000)
    const output = `<tool_call>{"name": "get", "arguments": ${JSON.stringify({ code })}}</tool_call>`
    const { calls } = readOutput(output, { format, vocabulary, tools: TOOLS })
    assert.deepEqual(plain(calls), [['get', { code }]])
  })
})
