/** The parts that most calls are made of. Each says how it is read and what fits it. */
import { readJson } from './json-value.ts'
import type { Part } from './output-format.ts'

/** Parts one after the other; white space between them is optional when they are read. */
export function sequence(...parts: readonly Part[]): Part {
  return {
    *read(input, call) {
      for (const part of parts) if (!(yield* part.read(input, call))) return false
      return true
    },
    rule: (rules, tool) =>
      parts
        .map((part) => part.rule(rules, tool))
        .filter((rule) => rule !== '')
        .join(' ')
  }
}

/** A text of the format, in the signs of the vocabulary. */
export function literal(text: string): Part {
  return {
    *read(input) {
      return yield* input.expect(text)
    },
    rule: (rules) => (text === '' ? '' : rules.literal(text))
  }
}

/** Characters that the model makes up, such as an id. They are read and forgotten. */
export function made(fits: RegExp, rule: string): Part {
  return {
    *read(input) {
      yield* input.spaces()
      yield* input.while(fits, MADE_CHARACTERS_MAX)
      return true
    },
    rule: () => rule
  }
}

const MADE_CHARACTERS_MAX = 128

/** The name of a tool. */
export const toolName: Part = {
  *read(input, call) {
    yield* input.spaces()
    const name = yield* input.while(/[\w.:-]/, NAME_CHARACTERS_MAX)
    return call.setName(name)
  },
  rule: (rules, { name }) => rules.literal(name)
}

/** Names of tools are shorter; what goes on and on is none. */
const NAME_CHARACTERS_MAX = 256

/** The arguments as a JSON object. */
export const jsonArguments: Part = {
  *read(input, call) {
    yield* input.spaces()
    if ((yield* input.peek()) !== '{') return false
    if (yield* readJson(input, (json) => call.arguments(json))) call.complete()
    return true
  },
  rule: (rules, { argumentsGrammar }) => rules.addGrammar('arguments', argumentsGrammar)
}
