/**
 * The grammar of a text in which a mark does not stand. Grammars have no "anything but this", so
 * the rules follow how much of the mark the text ends in (Knuth, Morris and Pratt 1977).
 */

import { BoundedMap } from '#shared/kit/bounded-map.ts'

/** The rule that `textWithout` begins with. */
export const TEXT_ROOT = 't0'

/** Every request with tools asks for the rules of the few marks that its model has. */
const known = new BoundedMap<string, string>(64)

/** One rule for each beginning of the mark; none goes on to the whole mark. */
export function textWithout(mark: string): string {
  const rules = known.get(mark) ?? rulesOf(mark)
  known.set(mark, rules)
  return rules
}

function rulesOf(mark: string): string {
  const characters = Array.from(mark)
  const letters = [...new Set(characters)]
  const rules = characters.map((_, at) => {
    const ways = Map.groupBy(letters, (character) => lengthAfter(characters, at, character))
    ways.delete(characters.length)
    const longer = Array.from(ways, ([length, group]) => `${classOf(group)} t${length}`)
    return `t${at} ::= ${[...longer, `${classOf(letters, '^')} t0`, '""'].join(' | ')}`
  })
  return rules.join('\n')
}

/** The longest beginning of the mark in which `count` characters of it and one more end. */
function lengthAfter(mark: readonly string[], count: number, character: string): number {
  for (let length = count + 1; length > 0; length--) {
    const start = count + 1 - length
    const isEnd = mark.slice(0, length - 1).every((each, i) => each === mark[start + i])
    if (isEnd && mark[length - 1] === character) return length
  }
  return 0
}

function classOf(characters: readonly string[], negation = ''): string {
  return `[${negation}${characters.map(inClass).join('')}]`
}

/** Letters and digits stand for themselves, and all else by its number. */
function inClass(character: string): string {
  if (/[a-zA-Z0-9]/.test(character)) return character
  const code = character.codePointAt(0)!
  const hex = code.toString(16)
  if (code < 0x80) return `\\x${hex.padStart(2, '0')}`
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
