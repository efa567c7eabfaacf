/** The vocabulary of a model, through llama.cpp's C interface. */
import type {
  DetokenizeOptions,
  SpecialToken,
  Token,
  TokenizeOptions,
  Vocabulary
} from '../vocabulary.ts'
import { isToken } from '../tokens.ts'
import type { NativeModel } from './native-model.ts'

export class NativeVocabulary implements Vocabulary {
  readonly size: number
  readonly bos: SpecialToken | null
  readonly eos: SpecialToken | null
  readonly prependsBos: boolean
  readonly #model: NativeModel
  readonly #eot: number

  constructor(model: NativeModel) {
    this.#model = model
    const { api, vocab } = model
    this.size = api.llama_vocab_n_tokens(vocab)
    this.bos = this.#special(api.llama_vocab_bos(vocab))
    this.eos = this.#special(api.llama_vocab_eos(vocab))
    this.#eot = api.llama_vocab_eot(vocab)
    this.prependsBos = this.bos !== null && api.llama_vocab_get_add_bos(vocab)
  }

  tokenize(text: string, { special = false, continued = false }: TokenizeOptions = {}): Token[] {
    if (text === '') return []
    return (continued ? this.#continued(text, special) : null) ?? this.#tokens(text, special)
  }

  detokenize(
    tokens: readonly Token[],
    { special = false, before = [] }: DetokenizeOptions = {}
  ): string {
    if (tokens.length === 0) return ''
    const known = before.slice(-BEFORE_TOKENS)
    const prefix = known.length === 0 ? '' : this.#text(known, special)
    if (prefix !== '') {
      const text = this.#text([...known, ...tokens], special)
      if (text.startsWith(prefix)) return text.slice(prefix.length)
    }
    return this.#text(tokens, special)
  }

  /** The token as it is in the middle of a text, also where it is only a part of a character. */
  bytesOf(token: Token): Uint8Array {
    return this.#bytes([token], false)
  }

  /** All tokens in the order of their ids. */
  *all(): Generator<Token, void> {
    for (let id = 0; id < this.size; id++) if (isToken(id, this.size)) yield id
  }

  isEog(token: Token): boolean {
    if (token === this.eos?.id || token === this.#eot) return true
    return this.#model.api.llama_vocab_is_eog(this.#model.vocab, token)
  }

  isControl(token: Token): boolean {
    return this.#model.api.llama_vocab_is_control(this.#model.vocab, token)
  }

  metadata(key: string): string | null {
    return this.#model.metadata(key)
  }

  /**
   * Some vocabularies put a space before the first word of a text. Behind a line break there is
   * none; where that does not come back as it went in, null.
   */
  #continued(text: string, special: boolean): Token[] | null {
    const lineBreak = this.#tokens('\n', special)
    const tokens = this.#tokens(`\n${text}`, special)
    const isSplit = lineBreak.length > 0 && lineBreak.every((token, i) => tokens[i] === token)
    return isSplit ? tokens.slice(lineBreak.length) : null
  }

  #tokens(text: string, special: boolean): Token[] {
    const { api, vocab } = this.#model
    const bytes = Buffer.from(text)
    let ids = new Int32Array(bytes.length + SPARE_TOKENS)
    let count = api.llama_tokenize(vocab, bytes, bytes.length, ids, ids.length, false, special)
    if (count < 0) {
      ids = new Int32Array(-count)
      count = api.llama_tokenize(vocab, bytes, bytes.length, ids, ids.length, false, special)
    }
    return Array.from(ids.subarray(0, count)).filter((id) => isToken(id, this.size))
  }

  #text(tokens: readonly Token[], special: boolean): string {
    return this.#bytes(tokens, special).toString()
  }

  #bytes(tokens: readonly Token[], special: boolean): Buffer {
    const { api, vocab } = this.#model
    const ids = Int32Array.from(tokens)
    let bytes = Buffer.alloc(ids.length * BYTES_PER_TOKEN + BYTES_PER_TOKEN)
    const into = (text: Buffer) =>
      api.llama_detokenize(vocab, ids, ids.length, text, text.length, false, special)
    let length = into(bytes)
    if (length < 0) {
      bytes = Buffer.alloc(-length)
      length = into(bytes)
    }
    return bytes.subarray(0, Math.max(0, length))
  }

  #special(id: number): SpecialToken | null {
    if (!isToken(id, this.size)) return null
    return { id, text: this.#model.api.llama_vocab_get_text(this.#model.vocab, id) ?? '' }
  }
}

const SPARE_TOKENS = 8
/** First guesses; what needs more is asked for again. */
const BYTES_PER_TOKEN = 16
/** More tokens before a text change nothing of it. */
const BEFORE_TOKENS = 3
