/**
 * Past calls in the text of their message, for templates that leave them out: in the model's own
 * form where it is known, else in the form that most models have seen. Without them a model would
 * see results that nobody asked for, and ask again.
 */
import { toJson } from './jinja/json.ts'
import { concat, isStr, mapSpans, type Str } from './jinja/text.ts'
import { repr, type Value } from './jinja/values.ts'
import type { CallWriter } from './template-values.ts'

/** `source`: the template's text. */
export function callWriterOf(source: string): CallWriter {
  const isIn = (mark: string) => source.includes(mark)
  if (isIn('List of tools: ') && isIn('<|im_start|>')) return inPython
  if (isIn('<|tool_call|>') && isIn('<|start_of_role|>')) return inList
  return inTags
}

const JSON_PLAIN = { args: [], named: new Map() }
const asJson = (value: Value): Str => toJson(value, JSON_PLAIN)

/** LFM2: `<|tool_call_start|>[get_weather(city="Köln")]<|tool_call_end|>`. */
const inPython: CallWriter = (calls) => {
  const written = calls.map(({ name, args, text }) => {
    if (args === null) return concat([name, '(', text, ')'])
    const each = args.entries().map(([key, value]) => concat([keyOf(key), '=', valueOf(value)]))
    return concat([name, '(', between(', ', each), ')'])
  })
  return concat(['<|tool_call_start|>[', between(', ', written), ']<|tool_call_end|>'])
}

const keyOf = (key: Value): Str => (isStr(key) ? key : repr(key))
const valueOf = (value: Value): Str => (isStr(value) ? asJson(value) : repr(value))

/** Granite 3: `<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Köln"}}]`. */
const inList: CallWriter = (calls) =>
  concat(['<|tool_call|>[', between(', ', calls.map(object)), ']'])

/** The form that such a model is told to write, too (generic-calls.ts). */
const inTags: CallWriter = (calls) => {
  const written = calls.map((call) => concat(['<tool_call>\n', object(call), '\n</tool_call>']))
  return between('\n', written)
}

const object = ({ name, text }: Parameters<CallWriter>[0][number]): Str =>
  concat(['{"name": ', quoted(name), ', "arguments": ', text, '}'])

const quoted = (name: Str): Str =>
  concat(['"', mapSpans(name, (part) => JSON.stringify(part).slice(1, -1)), '"'])

const between = (mark: string, parts: readonly Str[]): Str =>
  concat(parts.flatMap((part, i) => (i === 0 ? [part] : [mark, part])))
