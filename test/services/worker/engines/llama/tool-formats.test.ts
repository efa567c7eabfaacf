/** Formats of tool calls as they are found in templates, and calls read in each of them. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  ID_CHARACTER,
  type CallFormat
} from '../../../../../services/worker/engines/llama/child/prompt/call-format.ts'
import { CallReader } from '../../../../../services/worker/engines/llama/child/answer/call-reader.ts'
import { ChatTemplate } from '../../../../../services/worker/engines/llama/child/prompt/chat-template.ts'
import { ToolChat } from '../../../../../services/worker/engines/llama/child/prompt/tool-chat.ts'
import { addToCalls } from '../../../../../shared/inference/failover/sent-tokens.ts'
import type { Tool, ToolCall } from '../../../../../shared/contracts/inference/chat.ts'
import {
  DEEPSEEK_TEMPLATE,
  HERMES_TEMPLATE,
  LLAMA_TEMPLATE,
  MISTRAL_TEMPLATE,
  XML_TEMPLATE
} from '../../../../helpers/tool-templates.ts'

const chatOf = (template: string) =>
  new ToolChat({
    template: new ChatTemplate({ source: template, bosText: '<s>', eosText: '</s>' }),
    thinks: false,
    cutEnd: (text) => text
  })
const formatOf = (template: string) => chatOf(template).callFormat()

const ID = ID_CHARACTER.repeat(9)
const FORMATS: Record<string, { template: string; format: CallFormat }> = {
  Hermes: {
    template: HERMES_TEMPLATE,
    format: {
      begin: '<tool_call>\n{"name": "',
      trigger: '<tool_call>',
      triggerAnywhere: true,
      middle: '", "arguments": ',
      between: '}\n</tool_call>\n<tool_call>\n{"name": "',
      end: '}\n</tool_call>'
    }
  },
  Llama: {
    template: LLAMA_TEMPLATE,
    format: {
      begin: '{"name": "',
      trigger: '{"name',
      triggerAnywhere: false,
      middle: '", "parameters": ',
      between: null,
      end: '}'
    }
  },
  Mistral: {
    template: MISTRAL_TEMPLATE,
    format: {
      begin: '[TOOL_CALLS] [{"name": "',
      trigger: '[TOOL_CALLS]',
      triggerAnywhere: true,
      middle: '", "arguments": ',
      between: `, "id": "${ID}"}, {"name": "`,
      end: `, "id": "${ID}"}]`
    }
  },
  DeepSeek: {
    template: DEEPSEEK_TEMPLATE,
    format: {
      begin: '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>',
      trigger: '<｜tool▁calls▁begin｜>',
      triggerAnywhere: true,
      middle: '<｜tool▁sep｜>',
      between: '<｜tool▁call▁end｜><｜tool▁call▁begin｜>',
      end: '<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
    }
  }
}

/** As the model would write these calls. */
function written(format: CallFormat, calls: readonly Omit<ToolCall, 'id'>[]): string {
  const text = calls.map(({ name, arguments: json }) => `${name}${format.middle}${json}`)
  const whole = format.begin + text.join(format.between ?? '?') + format.end
  return whole.replaceAll(ID, 'Ab1Cd2Ef3')
}

function read(format: CallFormat, text: string, size: number, more = {}) {
  const options = {
    format,
    required: false,
    parallel: true,
    idOf: (i: number) => `id${i}`,
    ...more
  }
  const reader = new CallReader(options)
  const calls: ToolCall[] = []
  let outside = ''
  for (let at = 0; at < text.length; at += size) {
    outside += reader.push(text.slice(at, at + size))
    for (const delta of reader.takeDeltas()) addToCalls(calls, delta)
  }
  return { calls, outside: outside + reader.flush(), reader }
}

const CALLS = [
  { name: 'get_weather', arguments: '{"city": "a \\"}{\\\\", "n": [1, {"x": "]}"}]}' },
  { name: 'get', arguments: '{}' }
]

for (const [name, { template, format }] of Object.entries(FORMATS)) {
  suite(`tool calls as ${name} writes them`, () => {
    test('the format is found in the template', () => assert.deepEqual(formatOf(template), format))

    test('calls are read, however they are cut', () => {
      const some = format.between === null ? CALLS.slice(0, 1) : CALLS
      const before = format.triggerAnywhere ? 'Let me see. \n' : ''
      const text = before + written(format, some)
      for (const size of [1, 2, 3, 7, text.length]) {
        const { calls, outside, reader } = read(format, text, size)
        assert.deepEqual(
          calls,
          some.map((call, i) => ({ id: `id${i}`, ...call })),
          `by ${size}`
        )
        assert.equal(outside, before.trimEnd())
        assert.equal(reader.calls, some.length)
      }
      const [only] = CALLS
      const { reader } = read(format, written(format, [only!]), 1, { parallel: false })
      assert.ok(reader.isDone, 'nothing can follow')
    })

    test('what is no call is text', () => {
      for (const text of ['plain', ' {"a": 1}', 'a < b [T', '\n\n', format.trigger.slice(0, -1)]) {
        for (const size of [1, 4]) {
          const { calls, outside } = read(format, text, size)
          assert.deepEqual([calls, outside], [[], text])
        }
      }
    })
  })
}

suite('templates', () => {
  const tool: Tool = { name: 'now', description: 'Tells "the" time.' }
  const textOf = (template: string, id: string) =>
    chatOf(template).render({
      messages: [
        { role: 'user', content: 'When?' },
        {
          role: 'assistant',
          content: '',
          toolCalls: [{ id, name: 'now', arguments: '{"z":"a\\"b"}' }]
        },
        { role: 'tool', content: '"noon"', toolCallId: id }
      ],
      tools: [tool]
    }).text

  test('past calls, results and descriptions are in the prompt as they should be', () => {
    const hermes = textOf(HERMES_TEMPLATE, 'call_0')
    assert.ok(hermes.includes('"description": "Tells \\"the\\" time."'), hermes)
    assert.ok(hermes.includes('{"name": "now", "arguments": {"z": "a\\"b"}}'), hermes)
    assert.ok(hermes.includes('<tool_response>\n"noon"\n</tool_response>'), hermes)
    assert.ok(textOf(LLAMA_TEMPLATE, 'call_0').includes('ipython<|end_header_id|>\n\n"\\"noon\\""'))
    assert.ok(textOf(DEEPSEEK_TEMPLATE, 'call_0').includes('now<｜tool▁sep｜>{"z":"a\\"b"}<'))
    const [, short] = /"id": "([a-zA-Z0-9]{9})"/.exec(textOf(MISTRAL_TEMPLATE, 'call_0')) ?? []
    assert.ok(textOf(MISTRAL_TEMPLATE, 'call_0').includes(`"call_id": "${short}"`))
  })

  test('arguments that are no JSON have no format', () => {
    assert.throws(() => formatOf(XML_TEMPLATE), {
      code: 'UNSUPPORTED_PARAMETER',
      message: /not JSON/
    })
  })

  test('the effort goes to the variable that the template has', () => {
    const endOf = (template: string, reasoningEffort: 'none' | 'high') => {
      const messages = [{ role: 'user' as const, content: 'x' }]
      return chatOf(template).render({ messages, reasoningEffort }).text
    }
    assert.match(endOf(HERMES_TEMPLATE, 'none'), /<think>\n\n<\/think>\n\n$/)
    assert.doesNotMatch(endOf(HERMES_TEMPLATE, 'high'), /think/)
    assert.match(endOf(DEEPSEEK_TEMPLATE, 'high'), /<think>$/)
    assert.match(endOf(DEEPSEEK_TEMPLATE, 'none'), /<\/think>$/)
    const worded = `${LLAMA_TEMPLATE}{{ 'Reasoning: ' + (reasoning_effort or 'medium') }}`
    assert.match(endOf(worded, 'high'), /Reasoning: high$/)
    assert.throws(() => endOf(worded, 'none'), { code: 'UNSUPPORTED_PARAMETER' })
  })
})
