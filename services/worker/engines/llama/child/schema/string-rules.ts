/** The rules of strings: any, of a length, a pattern or a format; in JSON, or as plain text. */
import { ALL_CODE_POINTS, charactersOf } from './pattern/code-points.ts'
import { allow, type Place } from './alternatives.ts'
import type { Conjunction } from './conjunction.ts'
import { formatNamed } from './formats.ts'
import { sequence } from './gbnf.ts'
import { languageRules, type TextForm } from './pattern/language-rules.ts'
import { UnsupportedPattern } from './pattern/read-pattern.ts'
import { searchTerm, wholeTerm } from './pattern/pattern-term.ts'
import { invalid, unkept } from './problems.ts'
import { regularTest } from './pattern/regular-test.ts'
import { lengthSpan, Terms, TooComplex, type Term } from './pattern/regular.ts'
import { cached } from './fragments.ts'
import type { Fragment, Rules } from './rules.ts'

/** One Unicode character: the length of a text in JSON Schema counts these. */
const CHARACTER = String.raw`[^"\\\x7F\x00-\x1F] | "\\" ( ["\\/bfnrt] | "u" json-unit )`
const HEX = '[0-9a-fA-F]'
const UNIT = [
  `[0-9a-cA-CeEfF] ${HEX}{3}`,
  `[dD] [0-7] ${HEX}{2}`,
  `[dD] [89abAB] ${HEX}{2} "\\\\u" [dD] [c-fC-F] ${HEX}{2}`
].join(' | ')

export const anyString = (rules: Rules): string =>
  rules.shared('string', `"\\"" ${character(rules)}* "\\""`)

function character(rules: Rules): string {
  const unit = rules.shared('unit', UNIT)
  return rules.shared('char', CHARACTER.replace('json-unit', unit))
}

/** An expression for the strings; null when no text fits. */
export function stringExpression(
  rules: Rules,
  conjunction: Conjunction,
  place: Place,
  form: TextForm
): string | null {
  const { minLength = 0, maxLength = Infinity, patterns = [], formats = [] } = conjunction
  if (minLength > maxLength) return null
  const known = formats.filter((name) => formatNamed(name) !== undefined)
  if (patterns.length > 0 || known.length > 0 || form === 'raw') {
    const key = JSON.stringify([minLength, maxLength, patterns, known, form])
    const write = () => new StringLanguage(conjunction, place).rules(form)
    const fragment = allow(place, () => cached(key, write)) ?? null
    if (fragment !== null) return rules.insert(fragment)
  }
  if (form === 'raw') return null
  if (minLength === 0 && maxLength === Infinity) return anyString(rules)
  const text = rules.counted(character(rules), minLength, maxLength)
  return sequence('"\\""', text, '"\\""')
}

/** The language of strings, for the names of properties. */
export function stringTerm(terms: Terms, conjunction: Conjunction, place: Place): Term {
  const { values } = conjunction
  if (values !== undefined)
    return textsTerm(
      terms,
      values.filter((one) => typeof one === 'string')
    )
  return new StringLanguage(conjunction, place, terms).term()
}

export function textsTerm(terms: Terms, texts: readonly string[]): Term {
  const termOf = (text: string) =>
    terms.sequence(...Array.from(text, (each) => terms.class(charactersOf(each))))
  return terms.or(...texts.map(termOf))
}

class StringLanguage {
  readonly #terms: Terms
  readonly #patterns: readonly string[]
  readonly #formats: readonly string[]
  readonly #min: number
  readonly #max: number
  readonly #place: Place

  constructor(conjunction: Conjunction, place: Place, terms = new Terms()) {
    const { minLength = 0, maxLength = Infinity, patterns = [], formats = [] } = conjunction
    this.#terms = terms
    this.#patterns = patterns
    this.#formats = formats.filter((name) => formatNamed(name) !== undefined)
    this.#min = minLength
    this.#max = maxLength
    this.#place = place
  }

  /**
   * A format and a pattern beside it are both kept, if there are such texts. Where there are none,
   * whoever wrote the pattern has another notion of the format. Where the two are too much for a
   * grammar, the format is enough if its texts have the pattern.
   */
  rules(form: TextForm): Fragment {
    const write = (patterns: readonly string[], formats: readonly string[]): Fragment | null =>
      languageRules(this.#terms, this.#termOf(patterns, formats), form)
    try {
      const rules = write(this.#patterns, this.#formats) ?? write(this.#patterns, [])
      if (rules !== null) return rules
    } catch (error) {
      if (!(error instanceof TooComplex || error instanceof UnsupportedPattern)) throw error
      if (this.#formats.length === 0 || !this.#isImplied()) throw this.#refusal(error)
      const rules = write([], this.#formats)
      if (rules !== null) return rules
    }
    throw invalid(this.#place.at, 'no text meets all that it asks for')
  }

  term(): Term {
    try {
      return this.#termOf(this.#patterns, this.#formats)
    } catch (error) {
      if (error instanceof TooComplex || error instanceof UnsupportedPattern) {
        throw this.#refusal(error)
      }
      throw error
    }
  }

  #termOf(patterns: readonly string[], formats: readonly string[]): Term {
    const language = this.#terms.and(
      ...patterns.map((pattern) => searchTerm(this.#terms, pattern)),
      ...formats.map((name) => wholeTerm(this.#terms, formatNamed(name)!.pattern(this.#max)))
    )
    const [least, most] = lengthSpan(language)
    if (least >= this.#min && most <= this.#max) return language
    const any = this.#terms.class(ALL_CODE_POINTS)
    return this.#terms.and(language, this.#terms.loop(any, this.#min, this.#max))
  }

  /** True when the samples of the formats have all the patterns. */
  #isImplied(): boolean {
    const samples = this.#formats.flatMap((name) => formatNamed(name)!.samples)
    return this.#patterns.every((pattern) =>
      samples.every((sample) => regularTest(pattern, sample) === true)
    )
  }

  #refusal({ message }: Error): Error {
    const [pattern] = this.#patterns
    if (pattern !== undefined) {
      return unkept(this.#place.at, 'pattern', `${JSON.stringify(pattern)}: ${message}`)
    }
    return unkept(this.#place.at, 'format', `${this.#formats.join(', ')} of this length`)
  }
}
