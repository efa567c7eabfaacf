/**
 * Arguments in brackets, in a notation that is not JSON:
 *
 *   call:get_weather{city:<|"|>Köln<|"|>,days:3}     Gemma 4
 *   get_weather(city="Köln", days=3)                 LFM2, and others that write Python
 */
import type { Input, Reading } from '../input.ts'
import type { Marks } from '../marks.ts'
import type { CallableTool, CallDraft, Part, Rules } from '../output-format.ts'
import { isSchema, resolved } from './argument-types.ts'
import { readMembers } from './literal.ts'
import { NotationRules, type Notation } from './notation-rules.ts'
import { TEXT_ROOT, textWithout } from './text-rules.ts'

/** In braces; `mark` stands on both sides of a text. */
export function bracedArguments(mark: string, marks: Marks): Part {
  const textMark = marks.of(mark)
  return {
    read: (input, call) => readBracketed(input, call, { textMark, marks }),
    rule: (rules, tool) => {
      const notation = bracedNotation(textMark, marks)
      return `"{" ${membersRule(rules, tool, [notation, notation])} "}"`
    }
  }
}

/** In parentheses, as a call in Python. */
export function pythonArguments(marks: Marks): Part {
  return {
    read: (input, call) => readBracketed(input, call, { textMark: null, marks }),
    rule: (rules, tool) => `"(" ${membersRule(rules, tool, [PYTHON, PYTHON_CALL])} ")"`
  }
}

function* readBracketed(
  input: Input,
  call: CallDraft,
  { textMark, marks }: { textMark: string | null; marks: Marks }
): Reading<boolean> {
  yield* input.spaces()
  if (!/[{(]/.test(yield* input.peek())) return false
  const properties = resolved(call.schema, call.schema)?.['properties']
  const names = isSchema(properties) ? Object.keys(properties) : []
  const options = { textMark, names, spelled: (text: string) => marks.spelled(text) }
  if (yield* readMembers(input, options, (json) => call.arguments(json))) call.complete()
  return true
}

/** `notations`: of the values, and of the arguments themselves. */
function membersRule(
  rules: Rules,
  { parameters }: CallableTool,
  [inner, outer]: readonly [Notation, Notation]
): string {
  return rules.addGrammar('members', new NotationRules(inner, parameters).members(outer))
}

function bracedNotation(mark: string, marks: Marks): Notation {
  const border = marks.literal(mark)
  return {
    text: `${border} ${TEXT_ROOT} ${border}`,
    textRules: textWithout(marks.spelled(mark)),
    textOf: (given) => marks.literal(mark + given + mark),
    key: (name) => marks.literal(name),
    anyKey: '[a-zA-Z0-9_.-]+',
    assign: '":"',
    comma: '","',
    words: { true: ['true'], false: ['false'], null: ['null'] },
    sorted: true
  }
}

const ESCAPE = `"\\\\" ( [\\x22'\\\\/bfnrt] | "x" [0-9a-fA-F]{2} | "u" [0-9a-fA-F]{4} )`
const quotedText = (mark: string) =>
  `"${mark === '"' ? '\\"' : mark}" ( [^${mark === '"' ? '\\x22' : "'"}\\\\\\x7F\\x00-\\x1F] | ${ESCAPE} )* "${mark === '"' ? '\\"' : mark}"`
const inQuotes = (text: string) => JSON.stringify(JSON.stringify(text))

const PYTHON: Notation = {
  text: `${quotedText('"')} | ${quotedText("'")}`,
  textOf: inQuotes,
  key: inQuotes,
  anyKey: 'text',
  assign: '":" " "?',
  comma: '"," " "?',
  words: { true: ['True', 'true'], false: ['False', 'false'], null: ['None', 'null'] },
  sorted: false
}
/** The arguments themselves have bare names. */
const PYTHON_CALL: Notation = {
  ...PYTHON,
  key: (name) => `"${name}"`,
  anyKey: '[a-zA-Z_] [a-zA-Z0-9_]*',
  assign: '"="'
}
