/**
 * Tokens to text, one at a time. A token may end in the middle of a UTF-8 character, which comes
 * back as U+FFFD; that one is held until the next tokens complete it. What is returned depends on
 * the tokens alone, never on how they were grouped, so that a resumed answer continues exactly.
 */
import type { Token } from '../vocabulary.ts'

export type Detokenize = (tokens: readonly Token[], before: readonly Token[]) => string

export class TokenText {
  readonly #detokenize: Detokenize
  /** The tokens before the window: some tokenizers drop a space at the very start of a text. */
  #before: readonly Token[]
  /** Since the last token that ended between two characters. */
  #window: Token[] = []
  #returned = 0

  constructor(detokenize: Detokenize, promptTokens: readonly Token[]) {
    this.#detokenize = detokenize
    this.#before = promptTokens.slice(-BEFORE_TOKENS)
  }

  push(token: Token): string {
    this.#window.push(token)
    const text = this.#detokenize(this.#window, this.#before)
    // An unfinished character is one U+FFFD, the last: before it, bytes that fit nothing are final.
    const cut = text.endsWith(REPLACEMENT) && this.#window.length < WINDOW_TOKENS_MAX
    const safe = cut ? text.length - 1 : text.length
    const fresh = text.slice(this.#returned, safe)
    if (cut) this.#returned = safe
    else this.#startWindow()
    return fresh
  }

  /** The answer is over; a character that was never finished is shown as U+FFFD. */
  flush(): string {
    const rest = this.#detokenize(this.#window, this.#before).slice(this.#returned)
    this.#startWindow()
    return rest
  }

  #startWindow(): void {
    this.#before = [...this.#before, ...this.#window].slice(-BEFORE_TOKENS)
    this.#window = []
    this.#returned = 0
  }
}

const REPLACEMENT = '\uFFFD'
const BEFORE_TOKENS = 4
/** No real text goes on so long without a token that ends between characters; noise does. */
const WINDOW_TOKENS_MAX = 64
