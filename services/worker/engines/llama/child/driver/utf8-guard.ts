/**
 * Keeps what is written under a grammar valid UTF-8. llama.cpp's grammars decode a character and do
 * not ask whether its bytes are the only spelling: F0 86 97 A5 passes for 日 (E6 97 A5), and comes
 * out as no character. Only the byte after a first one can make such a form; all else is refused by
 * the grammar, or begins no character at all.
 */
import type { Token } from '../vocabulary.ts'

/** The bytes that may follow a first byte, where it is not any of 80 to BF. */
const SECOND: Readonly<Record<number, readonly [from: number, to: number]>> = {
  0xe0: [0xa0, 0xbf],
  0xed: [0x80, 0x9f],
  0xf0: [0x90, 0xbf],
  0xf4: [0x80, 0x8f]
}

interface Scan {
  /** Tokens with bytes that are in no character. */
  invalid: readonly Token[]
  /** Tokens that begin in the middle of a character, by their first byte. */
  middle: readonly (readonly [Token, first: number])[]
}

export class Utf8Guard {
  readonly #bytesOf: (token: Token) => Uint8Array
  readonly #tokens: () => Iterable<Token>
  #scan: Scan | undefined

  constructor(bytesOf: (token: Token) => Uint8Array, tokens: () => Iterable<Token>) {
    this.#bytesOf = bytesOf
    this.#tokens = tokens
  }

  /** The first byte of a character that ends the token, if the next byte must fit it; else 0. */
  openAfter(token: Token): number {
    const last = this.#bytesOf(token).at(-1) ?? 0
    return SECOND[last] === undefined ? 0 : last
  }

  /** `open` is that of the token before. */
  allows(open: number, token: Token): boolean {
    const bytes = this.#bytesOf(token)
    return isValid(bytes) && !isMisfit(open, bytes[0] ?? 0)
  }

  /** The tokens that must not come next. */
  *barred(open: number): Generator<Token, void> {
    this.#scan ??= this.#scanned()
    yield* this.#scan.invalid
    if (open === 0) return
    for (const [token, first] of this.#scan.middle) if (isMisfit(open, first)) yield token
  }

  #scanned(): Scan {
    const invalid: Token[] = []
    const middle: [Token, number][] = []
    for (const token of this.#tokens()) {
      const bytes = this.#bytesOf(token)
      if (!isValid(bytes)) invalid.push(token)
      else if (isMiddle(bytes[0] ?? 0)) middle.push([token, bytes[0]!])
    }
    return { invalid, middle }
  }
}

const isMiddle = (byte: number): boolean => byte >= 0x80 && byte < 0xc0

function isMisfit(open: number, next: number): boolean {
  const [from, to] = SECOND[open] ?? [0x80, 0xbf]
  return isMiddle(next) && (next < from || next > to)
}

/** True when each byte can be a part of a character, beside those before it. */
function isValid(bytes: Uint8Array): boolean {
  return bytes.every((byte, i) => {
    if (byte === 0xc0 || byte === 0xc1 || byte > 0xf4) return false
    return i === 0 || !isMisfit(bytes[i - 1]!, byte)
  })
}
