/** The vocabulary of a model that `node-llama-cpp` has loaded. */
import type { LlamaModel } from 'node-llama-cpp'
import type {
  DetokenizeOptions,
  SpecialToken,
  Token,
  TokenizeOptions,
  Vocabulary
} from '../vocabulary.ts'

export class LibraryVocabulary implements Vocabulary {
  readonly size: number
  readonly bos: SpecialToken | null
  readonly eos: SpecialToken | null
  readonly prependsBos: boolean
  readonly #model: LlamaModel

  /** Throws when the file has no vocabulary. */
  constructor(model: LlamaModel) {
    this.#model = model
    this.size = sizeOf(model)
    const { bos, bosString, eos, eosString, shouldPrependBosToken } = model.tokens
    this.bos = specialToken(bos, bosString)
    this.eos = specialToken(eos, eosString)
    this.prependsBos = shouldPrependBosToken
  }

  tokenize(text: string, { special = false, continued = false }: TokenizeOptions = {}): Token[] {
    return this.#model.tokenize(text, special, continued ? 'trimLeadingSpace' : undefined)
  }

  detokenize(
    tokens: readonly Token[],
    { special = false, before = [] }: DetokenizeOptions = {}
  ): string {
    return this.#model.detokenize(tokens, special, before)
  }

  isEog(token: Token): boolean {
    return this.#model.isEogToken(token)
  }

  isControl(token: Token): boolean {
    return this.#model.getTokenAttributes(token).control
  }

  metadata(key: string): string | null {
    const value = valueAt(this.#model.fileInfo.metadata, key)
    return typeof value === 'string' ? value : null
  }
}

/** The library has nested the keys at their dots, but for those whose beginning has a value. */
function valueAt(metadata: unknown, key: string): unknown {
  if (typeof metadata !== 'object' || metadata === null) return undefined
  const values = metadata as Record<string, unknown>
  if (Object.hasOwn(values, key)) return values[key]
  const at = key.indexOf('.')
  return at === -1 ? undefined : valueAt(values[key.slice(0, at)], key.slice(at + 1))
}

function specialToken(id: Token | null, text: string | null): SpecialToken | null {
  return id === null ? null : { id, text: text ?? '' }
}

function sizeOf(model: LlamaModel): number {
  const tokens = model.fileInfo.metadata.tokenizer?.ggml?.tokens
  if (Array.isArray(tokens) && tokens.length > 0) return tokens.length
  throw new Error('it has no vocabulary')
}
