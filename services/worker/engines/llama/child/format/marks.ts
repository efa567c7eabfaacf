/**
 * Control tokens in the text that a model writes.
 *
 * `<|channel|>` as a token begins a channel; spelled in letters it is text, in an answer about chat
 * templates for example. So each control token of a format stands in the text as one sign of its
 * own: a noncharacter of Unicode, which is for use inside of programs. (A lone surrogate would not
 * do: as the second half of a pair it stands in many emoji.) Marks become strings with the same
 * signs, so a mark is found by comparing strings and is never cut inside of a token.
 */
import assert from 'node:assert/strict'
import { literal } from '../schema/gbnf.ts'
import type { Token, Vocabulary } from '../vocabulary.ts'

const FIRST_SIGN = 0xfdd0
/** There are so many noncharacters in a row; the formats that are known have at most ten tokens. */
const SIGNS_MAX = 32

type MarkVocabulary = Pick<Vocabulary, 'tokenize' | 'detokenize' | 'isControl' | 'isEog'>

export class Marks {
  readonly #vocabulary: MarkVocabulary
  readonly #tokens: Token[] = []
  readonly #signs = new Map<Token, string>()

  constructor(vocabulary: MarkVocabulary) {
    this.#vocabulary = vocabulary
  }

  /** Returns the mark as it stands in the text of an answer: its control tokens are signs there. */
  of(mark: string): string {
    let text = ''
    let rest = mark
    for (const token of this.#vocabulary.tokenize(mark, { special: true })) {
      const name = this.#vocabulary.detokenize([token], { special: true })
      if (!this.#vocabulary.isControl(token) && !NEVER_TEXT.test(name)) continue
      const at = name === '' ? -1 : rest.indexOf(name)
      if (at === -1) continue
      text += rest.slice(0, at) + this.#newSign(token)
      rest = rest.slice(at + name.length)
    }
    return text + rest
  }

  /** The text of tokens, with the signs of the control tokens that belong to a mark. */
  read(tokens: readonly Token[], before: readonly Token[]): string {
    const at = tokens.findIndex((token) => this.#signs.has(token))
    if (at === -1) return this.#vocabulary.detokenize(tokens, { before })
    const [head, tail] = [tokens.slice(0, at), tokens.slice(at + 1)]
    const first = at === 0 ? '' : this.#vocabulary.detokenize(head, { before })
    // After a control token a text begins anew, so nothing is before it.
    return first + this.#signs.get(tokens[at]!)! + (tail.length === 0 ? '' : this.read(tail, []))
  }

  /** The sign of a control token that belongs to a mark. */
  signOf(token: Token): string | undefined {
    return this.#signs.get(token)
  }

  /** True for the sign of a token that ends answers. */
  isEnd(sign: string): boolean {
    const token = this.tokenOf(sign)
    return token !== undefined && this.#vocabulary.isEog(token)
  }

  /** The control token of a sign; undefined for any other character. */
  tokenOf(character: string): Token | undefined {
    return this.#tokens[character.charCodeAt(0) - FIRST_SIGN]
  }

  /** The tokens of a text with signs. */
  tokenize(text: string): Token[] {
    return this.#pieces(text).flatMap((piece) => {
      const token = this.tokenOf(piece)
      return token === undefined ? this.#vocabulary.tokenize(piece, { continued: true }) : [token]
    })
  }

  /** A text in which control tokens are spelled, as in the arguments of a call. */
  spelled(text: string): string {
    return this.#mapSigns(text, (token) => this.#vocabulary.detokenize([token], { special: true }))
  }

  /** A text for people: control tokens are no part of it. */
  hidden(text: string): string {
    return this.#mapSigns(text, () => '')
  }

  /**
   * A text as an expression of a grammar; a control token fits only as the token. Grammars know end
   * tokens only at their end, so those are left out.
   */
  literal(text: string): string {
    const pieces = this.#pieces(text).filter((piece) => !this.isEnd(piece))
    const parts = pieces.map((piece) => {
      const token = this.tokenOf(piece)
      return token === undefined ? literal(piece) : `<[${token}]>`
    })
    return parts.length === 0 ? '""' : parts.join(' ')
  }

  #mapSigns(text: string, map: (token: Token) => string): string {
    if (this.#tokens.length === 0 || !SIGN.test(text)) return text
    const pieces = this.#pieces(text).map((piece) => {
      const token = this.tokenOf(piece)
      return token === undefined ? piece : map(token)
    })
    return pieces.join('')
  }

  #pieces(text: string): string[] {
    return text.split(SIGN).filter((piece) => piece !== '')
  }

  #newSign(token: Token): string {
    const known = this.#signs.get(token)
    if (known !== undefined) return known
    assert(this.#tokens.length < SIGNS_MAX, 'a format has too many control tokens')
    const sign = String.fromCharCode(FIRST_SIGN + this.#tokens.push(token) - 1)
    this.#signs.set(token, sign)
    return sign
  }
}

/**
 * llama.cpp makes text of some control tokens, such as all of gpt-oss's, so that they are shown.
 * Tokens with such names are marks even so. `<think>` without a bar may be what a text is about.
 */
const NEVER_TEXT = /^<[|｜].+[|｜]>$/

const SIGN = /([\uFDD0-\uFDEF])/
