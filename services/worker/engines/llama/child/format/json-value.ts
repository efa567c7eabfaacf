/** One JSON value in a text that arrives in pieces. */
import type { Input, Reading } from './input.ts'

/**
 * Takes one value and hands it out as it comes. Returns false where none begins, or where the text
 * is over before the value is.
 */
export function* readJson(input: Input, onText: (json: string) => void): Reading<boolean> {
  const first = yield* input.peek()
  if (first === '{' || first === '[' || first === '"') return yield* readNested(input, onText)
  const word = yield* input.while(/[-+.\w]/, WORD_MAX)
  if (!/^(true|false|null|-?\d.*)$/.test(word)) return false
  onText(word)
  return true
}

/** No number or word is longer; what goes on and on is none. */
const WORD_MAX = 64

/** An object, a list or a string: it ends where it closes. */
function* readNested(input: Input, onText: (json: string) => void): Reading<boolean> {
  let depth = 0
  let inString = false
  let escaped = false
  while (yield* input.hasMore()) {
    const { rest } = input
    for (let at = 0; at < rest.length; at++) {
      const character = rest[at]!
      if (escaped) escaped = false
      else if (inString) {
        if (character === '\\') escaped = true
        else if (character === '"') inString = false
      } else if (character === '"') inString = true
      else if (character === '{' || character === '[') depth++
      else if (character === '}' || character === ']') depth--
      if (depth > 0 || inString) continue
      onText(input.take(at + 1))
      return true
    }
    onText(input.take(rest.length))
  }
  return false
}

/** Takes a string and returns its value; null where there is none, or where it is no valid one. */
export function* readJsonString(input: Input): Reading<string | null> {
  if ((yield* input.peek()) !== '"') return null
  const parts: string[] = []
  if (!(yield* readJson(input, (part) => parts.push(part)))) return null
  return parsedString(parts.join(''))
}

function parsedString(json: string): string | null {
  try {
    return JSON.parse(json) as string
  } catch {
    return null // a model may leave a line break as it is; then it is no name either
  }
}
