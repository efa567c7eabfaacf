/**
 * Strings that remember who wrote them. A template may trim, cut, join and search what a caller
 * wrote, exactly as Jinja2 does, and afterwards it is still known which characters are the
 * caller's: only the template's own may become control tokens.
 *
 * A plain string is the template's own; a `Text` may hold spans of a caller.
 */
export interface Span {
  text: string
  /** The number of the caller's text that this is part of; 0 for the template's own. */
  source: number
}

/**
 * Parts are joined only when the spans are asked for: templates that add to one text in a loop
 * would otherwise copy all of it each time.
 */
export class Text {
  readonly value: string
  #parts: readonly (Str | Span)[]
  #spans: readonly Span[] | null = null

  constructor(parts: readonly (Str | Span)[]) {
    let value = ''
    for (const part of parts) value += textOf(part)
    this.value = value
    this.#parts = parts
  }

  get spans(): readonly Span[] {
    if (this.#spans === null) {
      this.#spans = joined(flattened(this))
      this.#parts = this.#spans
    }
    return this.#spans
  }

  get parts(): readonly (Str | Span)[] {
    return this.#parts
  }
}

export type Str = string | Text

export const isStr = (value: unknown): value is Str =>
  typeof value === 'string' || value instanceof Text

export const raw = (text: Str): string => (typeof text === 'string' ? text : text.value)

const textOf = (part: Str | Span): string => {
  if (typeof part === 'string') return part
  return part instanceof Text ? part.value : part.text
}

export function concat(parts: readonly Str[]): Str {
  if (parts.every((part) => typeof part === 'string')) return parts.join('')
  return new Text(parts)
}

/** By UTF-16 units; `characterAt` turns Python's positions into these. */
export function slice(text: Str, from: number, to = Infinity): Str {
  if (typeof text === 'string') return text.slice(from, to)
  if (from <= 0 && to >= text.value.length) return text
  const spans: Span[] = []
  let at = 0
  for (const { text: part, source } of text.spans) {
    const [start, end] = [Math.max(from - at, 0), Math.min(to - at, part.length)]
    if (start < end) spans.push({ text: part.slice(start, end), source })
    at += part.length
    if (at >= to) break
  }
  return strOf(spans)
}

/** Changes each span by itself, such as its case. */
export function mapSpans(text: Str, change: (part: string) => string): Str {
  if (typeof text === 'string') return change(text)
  return strOf(text.spans.map((span) => ({ ...span, text: change(span.text) })))
}

export function replace(text: Str, from: Str, to: Str, most = Infinity): Str {
  const [value, mark] = [raw(text), raw(from)]
  if (typeof text === 'string' && typeof to === 'string' && most === Infinity) {
    return value.replaceAll(mark, () => to)
  }
  const parts: Str[] = []
  let at = 0
  for (let count = 0; count < most; count++) {
    const next = value.indexOf(mark, at)
    if (next === -1 || (mark === '' && next >= value.length)) break
    const end = mark === '' ? next + 1 : next
    parts.push(...(mark === '' ? [to, slice(text, at, end)] : [slice(text, at, end), to]))
    at = end + mark.length
  }
  parts.push(slice(text, at))
  if (mark === '' && parts.length <= most * 2) parts.push(to)
  return concat(parts)
}

export function split(text: Str, mark: string, most = Infinity): Str[] {
  const value = raw(text)
  const parts: Str[] = []
  let at = 0
  for (let next = value.indexOf(mark); next !== -1 && parts.length < most;) {
    parts.push(slice(text, at, next))
    at = next + mark.length
    next = value.indexOf(mark, at)
  }
  parts.push(slice(text, at))
  return parts
}

/**
 * What the filter `safe` has marked. Prompts are no HTML, but Jinja2 keeps to MarkupSafe's rule
 * even so: what is added to such a text is written for HTML, `"` as `&#34;`. A template with
 * `'x'|safe + y` was tried out, and its model trained, with that.
 */
export class Safe extends Text {}

const HTML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;'
}

export function escaped(text: Str): Safe {
  if (text instanceof Safe) return text
  const escape = (part: string) => part.replace(/[&<>"']/g, (character) => HTML[character]!)
  return new Safe([mapSpans(text, escape)])
}

/** One text behind another. */
export function sum(left: Str, right: Str): Str {
  const isSafe = left instanceof Safe || right instanceof Safe
  return isSafe ? new Safe([escaped(left), escaped(right)]) : concat([left, right])
}

/** Python's idea of white space, which has the separators of ASCII and not U+FEFF. */
const SPACE =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
export const WHITE_SPACE = new RegExp(`[${SPACE}]+`, 'g')
const WORD = new RegExp(`[^${SPACE}]`)

/** Without characters, white space is taken away. */
export function strip(text: Str, side: 'both' | 'left' | 'right', characters?: string): Str {
  const value = raw(text)
  const set = characters === undefined ? null : new Set(characters)
  const goes = (at: number) => (set === null ? !WORD.test(value[at]!) : set.has(value[at]!))
  let [from, to] = [0, value.length]
  if (side !== 'right') while (from < to && goes(from)) from++
  if (side !== 'left') while (to > from && goes(to - 1)) to--
  return slice(text, from, to)
}

/** The number of characters, as Python counts them. */
export function lengthOf(text: Str): number {
  const value = raw(text)
  return hasPairs(value) ? Array.from(value).length : value.length
}

/** The place in UTF-16 units of the character with this number. */
export function characterAt(text: Str, index: number): number {
  const value = raw(text)
  if (!hasPairs(value)) return index
  let at = 0
  for (let count = 0; count < index && at < value.length; count++) {
    at += value.codePointAt(at)! > 0xffff ? 2 : 1
  }
  return at
}

export function charactersOf(text: Str): Str[] {
  let at = 0
  return Array.from(raw(text), (character) => slice(text, at, (at += character.length)))
}

const hasPairs = (value: string): boolean => /[\uD800-\uDBFF]/.test(value)

function strOf(spans: readonly Span[]): Str {
  const parts = spans.filter(({ text }) => text !== '')
  if (parts.every(({ source }) => source === 0)) return parts.map(({ text }) => text).join('')
  return new Text(parts)
}

/** Goes through the parts of parts without recursion: there may be as many levels as messages. */
function flattened(text: Text): Span[] {
  const spans: Span[] = []
  const left: (Str | Span)[] = [text]
  for (let part = left.pop(); part !== undefined; part = left.pop()) {
    if (typeof part === 'string') spans.push({ text: part, source: 0 })
    else if (part instanceof Text) {
      for (let i = part.parts.length - 1; i >= 0; i--) left.push(part.parts[i]!)
    } else spans.push(part)
  }
  return spans
}

/** Neighbours of one source become one span. */
function joined(spans: readonly Span[]): Span[] {
  const kept: Span[] = []
  for (const { text, source } of spans) {
    const last = kept.at(-1)
    if (text === '') continue
    if (last?.source === source) last.text += text
    else kept.push({ text, source })
  }
  return kept
}
