/**
 * A template's text to tokens, with the settings of `transformers`: `trim_blocks` takes the line
 * break after a block, `lstrip_blocks` the blanks before one at the beginning of its line.
 */
import { TemplateError } from './values.ts'

export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'name'
  | 'string'
  | 'number'
  | 'operator'
  | 'end'

export interface JinjaToken {
  kind: TokenKind
  /** Of `open`: `{%` or `{{`. */
  value: string
  /** The line in the template, for errors. */
  line: number
}

type TagMark = '{%' | '{{'

export function tokenize(template: string): JinjaToken[] {
  return new Lexer(template).tokens()
}

class Lexer {
  readonly #source: string
  readonly #tokens: JinjaToken[] = []
  #at = 0
  #line = 1
  /** True when what was read last ends with a line break: then a block may begin its line. */
  #startsLine = true

  constructor(template: string) {
    this.#source = template.replace(/\r\n?/g, '\n').replace(/\n$/, '')
  }

  tokens(): JinjaToken[] {
    while (this.#at < this.#source.length) this.#readText()
    this.#push('end', '')
    return this.#tokens
  }

  #readText(): void {
    TAG.lastIndex = this.#at
    const tag = TAG.exec(this.#source)
    if (tag === null) {
      this.#push('text', this.#source.slice(this.#at))
      this.#at = this.#source.length
      return
    }
    const [all, mark = '', sign = ''] = tag
    const text = this.#source.slice(this.#at, tag.index)
    this.#push('text', this.#trimmed(text, mark, sign))
    this.#advanceTo(tag.index + all.length)
    if (mark === '{#') this.#skipComment()
    else if (mark === '{%' && this.#isRaw()) this.#readRaw()
    else this.#readTag(mark as TagMark)
  }

  #trimmed(text: string, mark: string, sign: string): string {
    if (sign === '-') return text.trimEnd()
    if (sign === '+' || mark === '{{') return text
    const lineStart = text.lastIndexOf('\n') + 1
    const beginsLine = lineStart > 0 || this.#startsLine
    return beginsLine && text.slice(lineStart).trim() === '' ? text.slice(0, lineStart) : text
  }

  #skipComment(): void {
    const end = this.#source.indexOf('#}', this.#at)
    if (end === -1) throw this.#error('a comment has no end')
    const sign = /[-+]/.exec(this.#source[end - 1] ?? '')?.[0] ?? ''
    this.#advanceTo(end + 2)
    this.#skipAfter('#}', sign)
  }

  #isRaw(): boolean {
    return match(/\s*raw\s*-?%\}/y, this.#source, this.#at) !== null
  }

  #readRaw(): void {
    const [open = ''] = match(/\s*raw\s*-?%\}/y, this.#source, this.#at) ?? []
    this.#advanceTo(this.#at + open.length)
    if (open.endsWith('-%}')) this.#skipWhite()
    const rest = /\{%([-+]?)\s*endraw\s*([-+]?)%\}/g
    rest.lastIndex = this.#at
    const end = rest.exec(this.#source)
    if (end === null) throw this.#error('a raw block has no end')
    const text = this.#source.slice(this.#at, end.index)
    this.#push('text', this.#trimmed(text, '{%', end[1] ?? ''))
    this.#advanceTo(end.index + end[0].length)
    this.#skipAfter('%}', end[2] ?? '')
  }

  #readTag(mark: TagMark): void {
    this.#push('open', mark)
    const close = mark === '{%' ? '%}' : '}}'
    const brackets: string[] = []
    for (;;) {
      this.#skipWhite()
      if (this.#at >= this.#source.length) throw this.#error(`${mark} has no ${close}`)
      if (brackets.length === 0) {
        const sign = /^[-+]/.exec(this.#source.slice(this.#at, this.#at + 1))?.[0] ?? ''
        if (this.#source.startsWith(close, this.#at + sign.length)) {
          this.#advanceTo(this.#at + sign.length + close.length)
          this.#push('close', close)
          this.#skipAfter(close, sign)
          return
        }
      }
      this.#readToken(brackets)
    }
  }

  #readToken(brackets: string[]): void {
    for (const [kind, pattern] of PATTERNS) {
      const found = match(pattern, this.#source, this.#at)?.[0]
      if (found === undefined) continue
      if (kind === 'number' && found.includes('.') && this.#source[this.#at - 1] === '.') continue
      if (kind === 'operator') this.#balance(found, brackets)
      this.#push(kind, kind === 'string' ? unescaped(found.slice(1, -1)) : found)
      this.#advanceTo(this.#at + found.length)
      return
    }
    throw this.#error(`unexpected character ${JSON.stringify(this.#source[this.#at])}`)
  }

  #balance(operator: string, brackets: string[]): void {
    const closing = { '(': ')', '[': ']', '{': '}' }[operator]
    if (closing !== undefined) brackets.push(closing)
    else if (/^[)\]}]$/.test(operator) && brackets.pop() !== operator) {
      throw this.#error(`unexpected ${operator}`)
    }
  }

  /** `trim_blocks`: the line break after a block or a comment belongs to it. */
  #skipAfter(close: string, sign: string): void {
    this.#startsLine = false
    if (sign === '-') this.#skipWhite()
    else if (sign === '' && close !== '}}' && this.#source[this.#at] === '\n') {
      this.#advanceTo(this.#at + 1)
    } else return
    this.#startsLine = this.#source[this.#at - 1] === '\n'
  }

  #skipWhite(): void {
    const white = match(/\s+/y, this.#source, this.#at)?.[0] ?? ''
    this.#advanceTo(this.#at + white.length)
  }

  #advanceTo(at: number): void {
    for (let i = this.#at; i < at; i++) if (this.#source[i] === '\n') this.#line++
    this.#at = at
  }

  #push(kind: TokenKind, value: string): void {
    if (kind !== 'text' || value !== '') this.#tokens.push({ kind, value, line: this.#line })
  }

  #error(message: string): TemplateError {
    return new TemplateError(`line ${this.#line}: ${message}`)
  }
}

const TAG = /(\{[{%#])([-+]?)/g

/** In the order in which they are tried. A fraction after a point is an index: `a.0.1`. */
const PATTERNS: readonly [TokenKind, RegExp][] = [
  ['number', /\d[\d_]*(\.\d[\d_]*)?[eE][-+]?\d[\d_]*|\d[\d_]*\.\d[\d_]*/y],
  ['number', /0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|\d[\d_]*/y],
  ['name', /[\p{L}\p{N}\p{M}\p{Pc}]+/uy],
  ['string', /'(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*"/y],
  ['operator', /\/\/|\*\*|[=!<>]=|[-+/*%~[\](){}<>=.:|,;]/y]
]

function match(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(source)
}

/** Python's escapes; an unknown one keeps its backslash. */
function unescaped(text: string): string {
  const escapes =
    /\\(?:(\n)|([\\'"abfnrtv])|([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))/g
  return text.replace(escapes, (_, line, simple, octal, x, u, long) => {
    if (line !== undefined) return ''
    if (simple !== undefined) return SIMPLE[simple as keyof typeof SIMPLE] ?? simple
    const code = octal === undefined ? parseInt(x ?? u ?? long, 16) : parseInt(octal, 8)
    return String.fromCodePoint(Math.min(code, 0x10ffff))
  })
}

const SIMPLE = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' } as const
