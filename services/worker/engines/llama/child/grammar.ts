/**
 * Grammars in llama.cpp's notation (GBNF), which keep an answer to a form:
 * https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md
 */
import type { Token } from './vocabulary.ts'

export interface Grammars {
  /** Throws when the text is no grammar. */
  compile(gbnf: string): Grammar
}

export interface Grammar {
  /** Returns the state before the first token. */
  begin(): GrammarState
}

/** A place in a grammar, while an answer is written. */
export interface GrammarState {
  /** True when the token may come next; an end token may where the grammar can end. */
  allows(token: Token): boolean
  /** Moves on by a token that is allowed. An end token does not move it. */
  accept(token: Token): void
}
