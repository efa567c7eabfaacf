/**
 * Draws the tokens of one answer from the model's logits. A greedy answer takes the likeliest; any
 * other has a chain of llama.cpp's samplers. Under a grammar the token is drawn freely first, and
 * again from what the grammar leaves only where it does not fit: most tokens fit, and asking a
 * grammar about a whole vocabulary costs more than drawing.
 */
import assert from 'node:assert/strict'
import type { Drawing, DrawOptions, Drawn } from '../driver.ts'
import { penaltiesOf, seedOf, truncationOf } from '../answer/sampling.ts'
import { isToken } from '../tokens.ts'
import type { Token } from '../vocabulary.ts'
import type { CandidateArray } from './candidates.ts'
import type { LlamaApi, Pointer } from './api/llama-api.ts'
import { scoreOf } from './logits.ts'
import { NativeGrammarState } from './native-grammar.ts'
import { SHORTLIST_MAX, type Shortlist } from './shortlist/shortlist.ts'

interface DrawFrom {
  api: LlamaApi
  ctx: Pointer
  /** For a whole vocabulary. */
  candidates: CandidateArray
}

export class NativeDrawing implements Drawing {
  readonly #from: DrawFrom
  readonly #options: DrawOptions
  readonly #vocabularySize: number
  readonly #states = new Set<NativeGrammarState>() // one or two in an answer
  /** Null: the likeliest token, untouched. */
  #chain: Pointer | null
  /**
   * True when the chain counts tokens for penalties. llama.cpp counts what it draws at once, so a
   * token that might be drawn again must not be drawn in that way.
   */
  readonly #remembers: boolean
  #isOpen = true

  constructor(from: DrawFrom, options: DrawOptions, vocabularySize: number) {
    this.#from = from
    this.#options = options
    this.#vocabularySize = vocabularySize
    this.#chain = chainOf(from.api, options, vocabularySize)
    this.#remembers = penaltiesOf(options.sampling) !== null
  }

  /** The number of likeliest tokens that it draws from; 0 where it takes all into account. */
  get shortlistSize(): number {
    if (this.#chain === null) return 1
    const { sampling, bias } = this.#options
    const { topK } = truncationOf(sampling)
    const isPlain = bias.size === 0 && !this.#remembers && sampling.temperature !== 0
    if (!isPlain || topK > SHORTLIST_MAX) return 0
    return Math.max(0, Math.min(topK, this.#vocabularySize))
  }

  /** `logits`: those of the i-th token of the batch. */
  next(logits: Float32Array, i: number, shortlist?: Shortlist): Drawn {
    assert(this.#isOpen)
    const token = this.#draw({ logits, i, shortlist })
    const { topLogprobs } = this.#options
    if (topLogprobs === undefined) return { token }
    return { token, ...scoreOf(token, logits, topLogprobs) }
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    if (this.#chain !== null) this.#from.api.llama_sampler_free(this.#chain)
    this.#chain = null
    for (const state of this.#states) state.free()
  }

  #draw(output: Output): Token {
    const { logits } = output
    const state = this.#options.grammar()
    if (state === undefined) return this.#freely(output)
    assert(state instanceof NativeGrammarState)
    this.#states.add(state)
    const free = this.#remembers ? null : this.#freely(output)
    const token = free !== null && state.allows(free) ? free : this.#fitting(logits, state)
    if (this.#remembers) this.#from.api.llama_sampler_accept(this.#chain!, token)
    state.accept(token)
    return token
  }

  #freely({ logits, i, shortlist }: Output): Token {
    const { api, ctx, candidates } = this.#from
    if (shortlist === undefined) {
      assert(this.#chain !== null)
      return this.#token(api.llama_sampler_sample(this.#chain, ctx, i), logits)
    }
    if (this.#chain === null) return this.#token(shortlist.ids[0]!, logits)
    candidates.setShortlist(shortlist)
    api.llama_sampler_apply(this.#chain, candidates.address)
    return this.#token(candidates.selected, logits)
  }

  /** Draws from the tokens that the grammar leaves. */
  #fitting(logits: Float32Array, state: NativeGrammarState): Token {
    const { api, candidates } = this.#from
    candidates.setAll(logits)
    state.narrow(candidates)
    if (this.#chain === null) return candidates.likeliest
    api.llama_sampler_apply(this.#chain, candidates.address)
    return this.#token(candidates.selected, logits)
  }

  #token(id: number, { length }: Float32Array): Token {
    assert(isToken(id, length), 'llama.cpp drew no token')
    return id
  }
}

/** What a step has computed for one answer. */
interface Output {
  logits: Float32Array
  /** Its place in the batch. */
  i: number
  shortlist: Shortlist | undefined
}

/**
 * The samplers in the order of llama.cpp's server; null for an answer that only takes the likeliest
 * token. A chain frees its parts.
 */
function chainOf(api: LlamaApi, options: DrawOptions, vocabularySize: number): Pointer | null {
  const { sampling, bias, promptTokens, answerTokens } = options
  const penalties = penaltiesOf(sampling)
  const { temperature, topK, topP, minP } = truncationOf(sampling)
  const isGreedy = temperature <= 0
  if (isGreedy && penalties === null && bias.size === 0) return null
  const chain = api.llama_sampler_chain_init({ no_perf: true })
  const add = (sampler: Pointer) => api.llama_sampler_chain_add(chain, sampler)
  if (bias.size > 0) {
    const entries = [...bias].map(([token, logit]) => ({ token, bias: logit }))
    add(api.llama_sampler_init_logit_bias(vocabularySize, entries.length, entries))
  }
  if (penalties !== null) {
    const { window, repeat, frequency, presence } = penalties
    const args = [vocabularySize, window, repeat, frequency, presence] as const
    add(api.llama_sampler_init_penalties(...args))
  }
  if (isGreedy) add(api.llama_sampler_init_greedy())
  else {
    add(api.llama_sampler_init_top_k(topK))
    add(api.llama_sampler_init_top_p(topP, 1))
    add(api.llama_sampler_init_min_p(minP, 1))
    add(api.llama_sampler_init_temp(temperature))
    add(api.llama_sampler_init_dist(seedOf(sampling.seed, answerTokens.length)))
  }
  if (penalties !== null) {
    const { window, countsPrompt } = penalties
    const before = [...(countsPrompt ? promptTokens.slice(-window) : []), ...answerTokens]
    for (const token of before.slice(-window)) api.llama_sampler_accept(chain, token)
  }
  return chain
}
