/** The parts that most calls are made of. Each says how it is read and what fits it. */
import { readJson } from './json-value.ts'
import type { Marks } from './marks.ts'
import type { Part } from './output-format.ts'
import { ID_SLOT, NUMBER_SLOT } from './probe.ts'

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

/** A text in which the model makes up what stands in the slots: an id, or a number. */
export function slotted(text: string, marks: Marks): Part[] {
  return text
    .split(new RegExp(`(${ID_SLOT}+|${NUMBER_SLOT})`, 'u'))
    .filter((part) => part !== '')
    .map((part) => {
      if (part === NUMBER_SLOT) return made(/\d/, '[0-9]{1,4}')
      if (part[0] === ID_SLOT) return made(/[\w.:-]/, `[a-zA-Z0-9]{${part.length}}`)
      return literal(marks.of(part))
    })
}

/** Characters that the model makes up, such as an id. They are read and forgotten. */
function made(fits: RegExp, rule: string): Part {
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

/** The name of a tool, and what stands behind it. */
export function toolName(behind = ''): Part {
  const letters = behind.startsWith(':') ? /[\w.-]/ : /[\w.:-]/
  return {
    *read(input, call) {
      yield* input.spaces()
      return call.setName(yield* input.while(letters, NAME_CHARACTERS_MAX))
    },
    rule: (rules, { name }) => rules.literal(name)
  }
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
