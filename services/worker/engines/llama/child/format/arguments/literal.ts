/**
 * Reads values in the notations that models use beside JSON: Python's literals, and Gemma's, whose
 * keys have no quotes and whose texts stand between marks. What is found is handed out as JSON.
 *
 * One reader takes all of them, because models mix them: Gemma falls back to quotation marks inside
 * of lists, and models that were trained on Python write `true`.
 */
import type { Input, Reading } from '../input.ts'

interface LiteralOptions {
  /** Stands around a text that is taken as it is; null: there is no such mark. */
  textMark: string | null
  /** Names of arguments that are given by their place. */
  names?: readonly string[]
  /** Turns the signs of control tokens in a text into what they spell. */
  spelled: (text: string) => string
}

type Emit = (json: string) => void

/** Nothing that a tool takes is deeper. */
const DEPTH_MAX = 64

/** Takes one value; false where none is, or where the text is over before its end. */
export function* readLiteral(input: Input, options: LiteralOptions, emit: Emit): Reading<boolean> {
  return yield* new LiteralReader(input, options, emit).value(0)
}

/**
 * Takes what stands in braces or parentheses, `key: value` or `key=value`, as an object; false
 * also where no such bracket is.
 */
export function* readMembers(input: Input, options: LiteralOptions, emit: Emit): Reading<boolean> {
  const isBracket = /[{(]/.test(yield* input.peek())
  return isBracket && (yield* new LiteralReader(input, options, emit).members(0))
}

class LiteralReader {
  readonly #input: Input
  readonly #options: LiteralOptions
  readonly #emit: Emit

  constructor(input: Input, options: LiteralOptions, emit: Emit) {
    this.#input = input
    this.#options = options
    this.#emit = emit
  }

  *value(depth: number): Reading<boolean> {
    yield* this.#input.spaces()
    const first = yield* this.#input.peek()
    if (first === '' || depth > DEPTH_MAX) return false
    if (first === '{') return yield* this.members(depth)
    if (first === '[' || first === '(') return yield* this.#list(depth)
    return (yield* this.#text()) ?? (yield* this.#word())
  }

  *members(depth: number): Reading<boolean> {
    const close = this.#input.take() === '{' ? '}' : ')'
    this.#emit('{')
    if (!(yield* this.#items(close, (index) => this.#member(index, depth)))) return false
    this.#emit('}')
    return true
  }

  *#member(index: number, depth: number): Reading<boolean> {
    const place = this.#input.save()
    const key = yield* this.#key()
    yield* this.#input.spaces()
    const isKey = key !== null && /[:=]/.test(yield* this.#input.peek())
    if (isKey) this.#input.take()
    else this.#input.rewind(place)
    this.#input.release()
    const name = isKey ? key : this.#options.names?.[index]
    if (name === undefined) return false
    this.#emit(`${JSON.stringify(name)}:`)
    return yield* this.value(depth + 1)
  }

  *#key(): Reading<string | null> {
    const parts: string[] = []
    const read = new LiteralReader(this.#input, this.#options, (json) => parts.push(json)).#text()
    const isText = yield* read
    if (isText === null) {
      const word = yield* this.#input.while(/[^\s,:=(){}[\]"']/, KEY_MAX)
      return word === '' ? null : word
    }
    return isText ? (JSON.parse(parts.join('')) as string) : null
  }

  *#list(depth: number): Reading<boolean> {
    const close = this.#input.take() === '[' ? ']' : ')'
    this.#emit('[')
    if (!(yield* this.#items(close, () => this.value(depth + 1)))) return false
    this.#emit(']')
    return true
  }

  /** What stands between commas, up to the bracket that closes it, which is taken. */
  *#items(close: string, read: (index: number) => Reading<boolean>): Reading<boolean> {
    for (let count = 0; ; count++) {
      yield* this.#input.spaces()
      const next = yield* this.#input.peek()
      if (next === '') return false
      if (next === close) break
      if (count > 0) this.#emit(',')
      if (!(yield* read(count)) || !(yield* this.#comma(close))) return false
    }
    this.#input.take()
    return true
  }

  /** A comma, or the end of the list, which stays. */
  *#comma(close: string): Reading<boolean> {
    yield* this.#input.spaces()
    const next = yield* this.#input.peek()
    if (next === ',') this.#input.take()
    return next === ',' || next === close
  }

  /** Null where no text begins. */
  *#text(): Reading<boolean | null> {
    const { textMark } = this.#options
    if (textMark !== null && (yield* this.#input.accept(textMark))) {
      this.#emit('"')
      const mark = yield* this.#input.until([textMark], (part) => this.#emitText(part))
      if (mark !== null) this.#emit('"')
      return mark !== null
    }
    const first = yield* this.#input.peek()
    return first === '"' || first === "'" ? yield* this.#quoted(first) : null
  }

  /** A text in quotation marks, three of which may hold line breaks in Python. */
  *#quoted(quote: string): Reading<boolean> {
    this.#input.take()
    let end = quote
    if ((yield* this.#input.peek()) === quote) {
      this.#input.take()
      if ((yield* this.#input.peek()) !== quote) {
        this.#emit('""')
        return true
      }
      this.#input.take()
      end = quote.repeat(3)
    }
    this.#emit('"')
    for (;;) {
      const mark = yield* this.#input.until([end, '\\'], (part) => this.#emitText(part))
      if (mark === null) return false
      if (mark === end) break
      yield* this.#escape()
    }
    this.#emit('"')
    return true
  }

  *#escape(): Reading<void> {
    const letter = yield* this.#input.peek()
    const digits = ESCAPED_DIGITS[letter]
    if (digits === undefined) {
      this.#emitText(ESCAPED[letter] ?? `\\${letter}`)
      this.#input.take()
      return
    }
    this.#input.take()
    const code = yield* this.#input.while(/[\da-f]/i, digits)
    const isCode = code.length === digits && Number.parseInt(code, 16) <= 0x10ffff
    // Halves of a pair stay escapes: only together are they a character.
    if (isCode && letter === 'u') this.#emit(`\\u${code}`)
    else this.#emitText(isCode ? String.fromCodePoint(Number.parseInt(code, 16)) : letter + code)
  }

  #emitText(text: string): void {
    if (text !== '') this.#emit(JSON.stringify(this.#options.spelled(text)).slice(1, -1))
  }

  /** A number, a word of JSON or Python, or a text without any marks. */
  *#word(): Reading<boolean> {
    const parts: string[] = []
    while (yield* this.#input.hasMore()) {
      const { rest } = this.#input
      const end = rest.search(/[,(){}[\]]/)
      parts.push(this.#input.take(end === -1 ? rest.length : end))
      if (end !== -1) break
    }
    const word = parts.join('').trim()
    if (word === '') return false
    this.#emit(wordAsJson(word) ?? JSON.stringify(this.#options.spelled(word)))
    return true
  }
}

const KEY_MAX = 256

const ESCAPED: Record<string, string | undefined> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\u0007',
  '0': '\0',
  '\\': '\\',
  '/': '/',
  "'": "'",
  '"': '"',
  '\n': '' // Python joins the lines
}
const ESCAPED_DIGITS: Record<string, number | undefined> = { x: 2, u: 4, U: 8 }

/** The JSON of a number or a word; null where it is a text. */
export function wordAsJson(word: string): string | null {
  const named = WORDS.get(word)
  if (named !== undefined) return named
  if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(word)) return word
  if (!/^[-+]?[\d_]*\.?[\d_]*([eE][-+]?\d+)?$/.test(word) || !/\d/.test(word)) return null
  const number = Number(word.replaceAll('_', ''))
  return Number.isFinite(number) ? String(number) : null
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ['true', 'true'],
  ['True', 'true'],
  ['false', 'false'],
  ['False', 'false'],
  ['null', 'null'],
  ['None', 'null'],
  ['nil', 'null']
])
