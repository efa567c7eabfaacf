/** The tokens of a template, one at a time, for the two halves of the parser. */
import type { JinjaToken, TokenKind } from './lexer.ts'
import { TemplateError } from './values.ts'

export class TokenStream {
  readonly #tokens: readonly JinjaToken[]
  #at = 0

  constructor(tokens: readonly JinjaToken[]) {
    this.#tokens = tokens
  }

  get current(): JinjaToken {
    return this.#tokens[this.#at]!
  }

  get following(): JinjaToken {
    return this.#tokens[this.#at + 1] ?? this.current
  }

  next(): JinjaToken {
    const token = this.current
    if (token.kind !== 'end') this.#at++
    return token
  }

  is(kind: TokenKind, value?: string): boolean {
    return this.current.kind === kind && (value === undefined || this.current.value === value)
  }

  skipIf(kind: TokenKind, value?: string): boolean {
    const is = this.is(kind, value)
    if (is) this.next()
    return is
  }

  expect(kind: TokenKind, value?: string): JinjaToken {
    if (this.is(kind, value)) return this.next()
    throw this.error(`expected ${value ?? kind}`)
  }

  error(message: string): TemplateError {
    const { kind, value, line } = this.current
    return new TemplateError(`line ${line}: ${message}, found ${kind} ${JSON.stringify(value)}`)
  }
}
