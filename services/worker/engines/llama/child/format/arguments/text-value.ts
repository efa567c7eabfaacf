/** The value of an argument that stands as a text between marks. */
import { Input } from '../input.ts'
import { typeOf, type JsonType } from './argument-types.ts'
import { readLiteral, wordAsJson } from './literal.ts'

/**
 * Returns the JSON of the value that a text means. Of several types that a schema allows, the text
 * is a string only if it can be nothing else; but a text that looks like a list is one only where
 * the schema says so.
 */
export function valueOfText(text: string, types: ReadonlySet<JsonType>): string {
  const trimmed = text.trim()
  const json = asJson(trimmed)
  if (json !== null) {
    const type = typeOf(JSON.parse(json))
    if (types.has(type) && !(type === 'string' && types.has('string'))) return json
  }
  if (types.has('string') || types.size === 0) return JSON.stringify(text)
  return json ?? JSON.stringify(trimmed) // what a tool's schema does not allow it will refuse
}

function asJson(text: string): string | null {
  try {
    JSON.parse(text)
    return text
  } catch {
    return /^[[{(]/.test(text) ? literalAsJson(text) : wordAsJson(text)
  }
}

/** Lists and mappings as Python writes them; null where the text is neither. */
function literalAsJson(text: string): string | null {
  const input = new Input()
  input.push(text)
  input.end()
  const parts: string[] = []
  const options = { textMark: null, spelled: (part: string) => part }
  const { value: isWhole } = readLiteral(input, options, (json) => parts.push(json)).next()
  return isWhole === true && input.rest === '' ? parts.join('') : null
}
