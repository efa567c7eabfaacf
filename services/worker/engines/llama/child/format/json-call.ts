/**
 * A call that is one JSON object with its name and its arguments. The grammar writes it as the
 * model's template does. It is read in any form that a model may fall into: members in any order,
 * further ones such as an id, both inside of `function`, arguments as JSON in a string.
 */
import type { Input, Reading } from './input.ts'
import { readJson, readJsonString } from './json-value.ts'
import type { CallDraft, Part } from './output-format.ts'

interface JsonCallText {
  /** Before the name, for example `{"name": "`. */
  before: string
  /** Between the name and the arguments. */
  middle: string
  /** After the arguments, with an expression for each id in it. */
  after: string
}

/** Where `id` stands in the text, the model makes up a letter or digit; `number`: a number. */
export function jsonCall(
  { before, middle, after }: JsonCallText,
  id: string,
  number: string
): Part {
  return {
    begin: before,
    read: readCall,
    rule: (rules, { name, argumentsGrammar }) => {
      const text = (part: string) => withIds(part, { id, number }, (one) => rules.literal(one))
      const args = rules.addGrammar('arguments', argumentsGrammar)
      return [text(before), rules.literal(name), text(middle), args, text(after)]
        .filter((rule) => rule !== '')
        .join(' ')
    }
  }
}

/** An object whose only key is the tool's name (Apertus). */
export function keyedCall({ before, middle, after }: JsonCallText): Part {
  return {
    *read(input, call) {
      if (!(yield* input.expect('{ '))) return false
      const name = yield* readJsonString(input)
      if (name === null || !call.setName(name)) return false
      if (!(yield* input.expect(' : '))) return false
      yield* readArguments(input, call)
      return yield* input.expect(' }')
    },
    rule: (rules, { name, argumentsGrammar }) => {
      const args = rules.addGrammar('arguments', argumentsGrammar)
      return `${rules.literal(before + name + middle)} ${args} ${rules.literal(after)}`
    }
  }
}

function withIds(
  text: string,
  { id, number }: { id: string; number: string },
  literal: (text: string) => string
): string {
  return text
    .split(new RegExp(`(${id}+|${number})`, 'u'))
    .filter((part) => part !== '')
    .map((part) => {
      if (part === number) return '[0-9]{1,3}'
      return part[0] === id ? `[a-zA-Z0-9]{${part.length}}` : literal(part)
    })
    .join(' ')
}

const NAMES = new Set(['name', 'tool_name', 'function_name'])
const ARGUMENTS = new Set(['arguments', 'parameters', 'args'])
/** They may stand beside a call, so an object that begins with one may be a call. */
const OTHERS = new Set(['type', 'id', 'tool_call_id', 'index'])

function* readCall(input: Input, call: CallDraft): Reading<boolean> {
  if (!(yield* input.expect(' {')) || !(yield* readMembers(input, call))) return false
  if (call.name === null) return false
  if (!call.hasArguments) {
    call.arguments('{}')
    call.complete()
  }
  return true
}

/** Takes the members of an object and its end; false where they are not those of a call. */
function* readMembers(input: Input, call: CallDraft): Reading<boolean> {
  for (;;) {
    yield* input.spaces()
    const next = yield* input.peek()
    if (next === '}') {
      input.take()
      return true
    }
    if (next === ',') {
      input.take()
      continue
    }
    const key = yield* readJsonString(input)
    if (key === null || !(yield* input.expect(' : '))) return false
    yield* input.spaces()
    if (!(yield* readMember(key, input, call))) return false
  }
}

function* readMember(key: string, input: Input, call: CallDraft): Reading<boolean> {
  const value = yield* input.peek()
  if (NAMES.has(key) || (key === 'function' && value === '"')) {
    const name = yield* readJsonString(input)
    return name !== null && call.setName(name)
  }
  if (ARGUMENTS.has(key)) return yield* readArguments(input, call)
  if (key === 'function' && value === '{') {
    input.take()
    return yield* readMembers(input, call)
  }
  return OTHERS.has(key) && (yield* readJson(input, () => {}))
}

/** An object, or an object in a string; nothing (`null`) is an empty one. */
function* readArguments(input: Input, call: CallDraft): Reading<boolean> {
  const first = yield* input.peek()
  if (first === '"') {
    const text = yield* readJsonString(input)
    if (text === null) return false
    call.arguments(text.trim() === '' ? '{}' : text)
  } else if (first === 'n') {
    if (!(yield* readJson(input, () => {}))) return false
    call.arguments('{}')
  } else {
    if (first !== '{') return false
    if (!(yield* readJson(input, (json) => call.arguments(json)))) return true
  }
  call.complete()
  return true
}
