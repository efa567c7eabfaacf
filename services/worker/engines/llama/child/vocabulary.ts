/**
 * A model's vocabulary: texts to tokens and back. Prompts, answers and grammars know the model by
 * this alone, so that they work with every driver, and their tests with none.
 */
import type { Token } from 'node-llama-cpp'

/** The id of a token: a number that is known to be in a vocabulary. */
export type { Token } from 'node-llama-cpp'

export interface Vocabulary {
  readonly size: number
  /** The tokens before a text and after it; null where the model has none. */
  readonly bos: SpecialToken | null
  readonly eos: SpecialToken | null
  /** True when the model expects `bos` before every prompt. */
  readonly prependsBos: boolean
  tokenize(text: string, options?: TokenizeOptions): Token[]
  detokenize(tokens: readonly Token[], options?: DetokenizeOptions): string
  /** True when the token ends an answer. */
  isEog(token: Token): boolean
  /** True for marks such as `<|im_start|>`, which are no text. */
  isControl(token: Token): boolean
  /** A text of the file's header by its key, for example `tokenizer.chat_template`. */
  metadata(key: string): string | null
}

export interface SpecialToken {
  id: Token
  text: string
}

export interface TokenizeOptions {
  /** Takes the marks that the text spells as control tokens; otherwise they are text. */
  special?: boolean
  /** The text continues another one: no space is put before its first word. */
  continued?: boolean
}

export interface DetokenizeOptions {
  /** Shows control tokens, which are otherwise left out. */
  special?: boolean
  /** The tokens before; some vocabularies drop a space at the very start of a text. */
  before?: readonly Token[]
}
