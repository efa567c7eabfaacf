/**
 * Reads a regular expression of a JSON Schema: those of JavaScript with the `u` flag, and the few
 * spellings that Python has for the same. What no regular language has, or what a grammar would
 * need too many rules for, throws `UnsupportedPattern` with its name.
 */
import {
  charactersOf,
  codeOf,
  codePointsOf,
  otherThan,
  union,
  ALL_CODE_POINTS,
  type CodePoints
} from './code-points.ts'

export type PatternNode =
  | { kind: 'set'; set: CodePoints }
  | { kind: 'sequence' | 'choice'; parts: readonly PatternNode[] }
  | { kind: 'repeat'; part: PatternNode; min: number; max: number }
  | { kind: 'start' | 'end' }
  | { kind: 'ahead'; negative: boolean; part: PatternNode }

export class UnsupportedPattern extends Error {}

const CHARACTERS_MAX = 4000
const DEPTH_MAX = 100
const REPETITIONS_MAX = 100_000

export function readPattern(source: string): PatternNode {
  if (source.length > CHARACTERS_MAX) {
    throw new UnsupportedPattern(`it has more than ${CHARACTERS_MAX} characters`)
  }
  return new PatternReader(source).read()
}

class PatternReader {
  readonly #characters: readonly string[]
  #at = 0
  #depth = 0

  constructor(source: string) {
    this.#characters = Array.from(source)
  }

  read(): PatternNode {
    const node = this.#choice()
    if (this.#at < this.#characters.length) throw this.#invalid()
    return node
  }

  #choice(): PatternNode {
    if (++this.#depth > DEPTH_MAX) throw new UnsupportedPattern('its groups are too deep')
    const parts = [this.#sequence()]
    while (this.#take('|')) parts.push(this.#sequence())
    this.#depth--
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts }
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = []
    while (this.#at < this.#characters.length && !this.#sees('|') && !this.#sees(')')) {
      parts.push(this.#repeated(this.#one()))
    }
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts }
  }

  #one(): PatternNode {
    if (this.#take('(')) return this.#group()
    if (this.#take('[')) return { kind: 'set', set: this.#class() }
    if (this.#take('^')) return { kind: 'start' }
    if (this.#take('$')) return { kind: 'end' }
    if (this.#take('.')) return { kind: 'set', set: otherThan(LINE_ENDS) }
    if (this.#take('\\')) return this.#escaped()
    if (this.#sees('*') || this.#sees('+') || this.#sees('?')) throw this.#invalid()
    return { kind: 'set', set: charactersOf(this.#next()) }
  }

  #group(): PatternNode {
    if (!this.#sees('?')) return this.#closed(this.#choice())
    const [, name] = /^\?P?(<[A-Za-z_]\w*>)/.exec(this.#ahead(40)) ?? []
    if (name !== undefined) while (!this.#take('>')) this.#next()
    else if (this.#take('?:')) return this.#closed(this.#choice())
    else if (this.#take('?=')) return this.#look(false)
    else if (this.#take('?!')) return this.#look(true)
    else if (this.#sees('?<')) throw new UnsupportedPattern('it looks behind')
    else if (this.#sees('?')) throw new UnsupportedPattern(`a group begins with (${this.#ahead(2)}`)
    return this.#closed(this.#choice())
  }

  #look(negative: boolean): PatternNode {
    return { kind: 'ahead', negative, part: this.#closed(this.#choice()) }
  }

  #closed<Node>(node: Node): Node {
    if (!this.#take(')')) throw this.#invalid()
    return node
  }

  #repeated(part: PatternNode): PatternNode {
    const [min, max] = this.#bounds()
    if (min === 1 && max === 1) return part
    // A lazy quantifier finds other matches, but the same texts match.
    if (!this.#take('?') && this.#sees('+')) throw this.#invalid()
    return { kind: 'repeat', part, min, max }
  }

  #bounds(): [min: number, max: number] {
    if (this.#take('*')) return [0, Infinity]
    if (this.#take('+')) return [1, Infinity]
    if (this.#take('?')) return [0, 1]
    if (!this.#sees('{')) return [1, 1]
    const given = /^\{(\d{1,6})(,?)(\d{0,6})\}/.exec(this.#ahead(17))
    if (given === null) return [1, 1]
    this.#at += given[0].length
    const [, least, comma, most] = given
    const min = Number(least)
    const max = most !== '' ? Number(most) : comma === ',' ? Infinity : min
    if (min > max || Math.max(min, max === Infinity ? 0 : max) > REPETITIONS_MAX) {
      throw new UnsupportedPattern(`the repetition ${given[0]}`)
    }
    return [min, max]
  }

  #escaped(): PatternNode {
    const assertion = ASSERTIONS[this.#characters[this.#at] ?? '']
    if (assertion !== undefined) {
      this.#next()
      return { kind: assertion }
    }
    if (this.#sees('b') || this.#sees('B')) throw new UnsupportedPattern('it has a word boundary')
    if (/^[1-9k]/.test(this.#ahead(1))) throw new UnsupportedPattern('it refers back to a group')
    return { kind: 'set', set: this.#escapedSet() }
  }

  /** The text after a backslash, which stands for one character or a set of them. */
  #escapedSet(): CodePoints {
    const letter = this.#next()
    const set = SETS[letter]
    if (set !== undefined) return set
    if (letter === 'p' || letter === 'P') return this.#property(letter)
    const character = CONTROLS[letter]
    if (character !== undefined) return charactersOf(character)
    const code = this.#codeAfter(letter)
    if (code !== null) return codePointsOf([code, code])
    if (/[a-zA-Z]/.test(letter)) throw new UnsupportedPattern(`it has \\${letter}`)
    return charactersOf(letter)
  }

  #codeAfter(letter: string): number | null {
    const forms = { x: /^([0-9a-f]{2})/i, u: /^(?:([0-9a-f]{4})|\{([0-9a-f]{1,6})\})/i }
    if (letter !== 'x' && letter !== 'u') return null
    const found = forms[letter].exec(this.#ahead(8))
    if (found === null) throw this.#invalid()
    this.#at += found[0].length
    return Number.parseInt(found[1] ?? found[2] ?? '', 16)
  }

  #property(letter: string): CodePoints {
    const [text] = /^\{[\w=]{1,60}\}/.exec(this.#ahead(62)) ?? []
    if (text === undefined) throw this.#invalid()
    this.#at += text.length
    return propertySet(`\\${letter}${text}`)
  }

  #class(): CodePoints {
    const negative = this.#take('^')
    let set: CodePoints = []
    while (!this.#take(']')) {
      const from = this.#member()
      if (this.#sees('-') && !this.#sees('-]')) {
        this.#next()
        set = union(set, this.#span(from, this.#member()))
      } else set = union(set, from)
    }
    return negative ? otherThan(set) : set
  }

  #member(): CodePoints {
    if (!this.#take('\\')) return charactersOf(this.#next())
    if (this.#take('b')) return charactersOf('\b')
    return this.#escapedSet()
  }

  #span(from: CodePoints, to: CodePoints): CodePoints {
    const [[low, last] = [], [first, high] = []] = [from[0], to[0]]
    const isOne = low === last && first === high && from.length === 1 && to.length === 1
    // Beside a set such as \w, a hyphen is itself.
    if (!isOne) return union(from, to, charactersOf('-'))
    if (low === undefined || high === undefined || low > high) throw this.#invalid()
    return codePointsOf([low, high])
  }

  #ahead(count: number): string {
    return this.#characters.slice(this.#at, this.#at + count).join('')
  }

  #sees(text: string): boolean {
    if (text.length === 1) return this.#characters[this.#at] === text
    return this.#ahead(text.length) === text
  }

  #take(text: string): boolean {
    if (!this.#sees(text)) return false
    this.#at += text.length
    return true
  }

  #next(): string {
    const character = this.#characters[this.#at++]
    if (character === undefined) throw this.#invalid()
    return character
  }

  #invalid(): UnsupportedPattern {
    return new UnsupportedPattern(`it cannot be read after ${this.#at} characters`)
  }
}

const LINE_ENDS = charactersOf('\n\r\u2028\u2029')
const DIGITS = charactersOf('0123456789')
const span = (from: string, to: string): CodePoints => codePointsOf([codeOf(from), codeOf(to)])
const WORD = union(DIGITS, span('a', 'z'), span('A', 'Z'), charactersOf('_'))
const SPACE = charactersOf(
  '\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a' +
    '\u2028\u2029\u202f\u205f\u3000\ufeff'
)
const SETS: Record<string, CodePoints | undefined> = {
  d: DIGITS,
  D: otherThan(DIGITS),
  w: WORD,
  W: otherThan(WORD),
  s: SPACE,
  S: otherThan(SPACE)
}
const CONTROLS: Record<string, string | undefined> = {
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  0: '\0'
}
/** Python's spellings. */
const ASSERTIONS: Record<string, 'start' | 'end' | undefined> = { A: 'start', Z: 'end', z: 'end' }

/** The engine of JavaScript itself knows the properties of Unicode. */
function propertySet(source: string): CodePoints {
  let property: RegExp
  try {
    property = new RegExp(source, 'u')
  } catch {
    throw new UnsupportedPattern(`there is no property ${source}`)
  }
  const ranges: [number, number][] = []
  for (const [from, to] of ALL_CODE_POINTS) {
    for (let code = from; code <= to; code++) {
      if (!property.test(String.fromCodePoint(code))) continue
      const last = ranges.at(-1)
      if (last?.[1] === code - 1) last[1] = code
      else ranges.push([code, code])
    }
  }
  return codePointsOf(...ranges)
}
