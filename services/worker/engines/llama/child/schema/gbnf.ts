/** The notation of llama.cpp's grammars. */
import type { CodePoints } from './pattern/code-points.ts'

/** A text as it stands. */
export function literal(text: string): string {
  return `"${text.replace(/["\\\p{Cc}]/gu, (each) => ESCAPES[each] ?? hexadecimal(each))}"`
}

export function sequence(...parts: string[]): string {
  return parts.filter((part) => part !== '').join(' ')
}

/** Parts with a `|` of their own must be in parentheses already. */
export function choice(...parts: string[]): string {
  return parts.length === 1 ? parts[0]! : `( ${parts.join(' | ')} )`
}

/** Any one of the characters. */
export function characterClass(set: CodePoints): string {
  const ranges = set.map(([from, to]) => {
    const [low, high] = [inClass(from), inClass(to)]
    return from === to ? low : to === from + 1 ? low + high : `${low}-${high}`
  })
  return `[${ranges.join('')}]`
}

/**
 * llama.cpp writes a repetition out when it reads the grammar, refuses one of more than 2,000, and
 * takes an upper bound of more than that for none at all.
 */
export const REPETITIONS_MAX = 1000

/** A symbol so many times; the bounds are at most `REPETITIONS_MAX`, or there is none above. */
export function repeated(symbol: string, min: number, max: number): string {
  if (max === 0) return ''
  if (min === 1 && max === 1) return symbol
  if (max === Infinity) return symbol + (min === 0 ? '*' : min === 1 ? '+' : `{${min},}`)
  if (min === 0 && max === 1) return `${symbol}?`
  return min === max ? `${symbol}{${min}}` : `${symbol}{${min},${max}}`
}

const ESCAPES: Record<string, string> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '"': '\\"',
  '\\': '\\\\'
}

const hexadecimal = (character: string): string =>
  `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`

/** Letters and digits stand for themselves; all else is written by its number. */
function inClass(code: number): string {
  const character = String.fromCodePoint(code)
  if (/[a-zA-Z0-9 _.,:;/+@]/.test(character)) return character
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`
  return `\\U${code.toString(16).padStart(8, '0')}`
}
