/**
 * Grammars as llama.cpp's sampler keeps them. A token that does not fit, or an end token too early,
 * would abort the process, so every token is asked about before it is accepted.
 */
import assert from 'node:assert/strict'
import type { Grammar, Grammars, GrammarState } from '../grammar.ts'
import type { Token } from '../vocabulary.ts'
import { CandidateArray } from './candidates.ts'
import type { LlamaApi, Pointer } from './api/llama-api.ts'
import type { NativeModel } from './native-model.ts'
import type { NativeVocabulary } from './native-vocabulary.ts'
import { Utf8Guard } from './utf8-guard.ts'

export class NativeGrammars implements Grammars {
  readonly #model: NativeModel
  readonly #context: StateContext

  constructor(model: NativeModel, vocabulary: NativeVocabulary) {
    this.#model = model
    const isEog = (token: Token) => vocabulary.isEog(token)
    const guard = new Utf8Guard(
      (token) => vocabulary.bytesOf(token),
      () => vocabulary.all()
    )
    this.#context = { api: model.api, isEog, guard, one: new CandidateArray(1) }
  }

  compile(gbnf: string): Grammar {
    const { api, vocab } = this.#model
    const pointer = api.llama_sampler_init_grammar(vocab, gbnf, 'root')
    if (pointer === null) throw new Error('llama.cpp cannot read the grammar')
    return new NativeGrammar(pointer, this.#context)
  }
}

interface StateContext {
  api: LlamaApi
  isEog: (token: Token) => boolean
  guard: Utf8Guard
  /** One token, to ask a grammar about it. */
  one: CandidateArray
}

class NativeGrammar implements Grammar {
  readonly #pointer: Pointer
  readonly #context: StateContext

  constructor(pointer: Pointer, context: StateContext) {
    this.#pointer = pointer
    this.#context = context
    unused.register(this, { api: context.api, pointer })
  }

  begin(): GrammarState {
    return new NativeGrammarState(this.#pointer, this.#context)
  }
}

export class NativeGrammarState implements GrammarState {
  readonly #context: StateContext
  #pointer: Pointer | null
  /** The first byte of a character that the last token has left open. */
  #open = 0

  constructor(grammar: Pointer, context: StateContext) {
    const pointer = context.api.llama_sampler_clone(grammar)
    this.#context = context
    this.#pointer = pointer
    unused.register(this, { api: context.api, pointer }, this)
  }

  allows(token: Token): boolean {
    const { one, guard } = this.#context
    one.setOne(token)
    this.#apply(one)
    return one.isFirstPossible && guard.allows(this.#open, token)
  }

  accept(token: Token): void {
    if (this.#context.isEog(token)) return
    assert(this.allows(token), 'a grammar was given a token that does not fit')
    this.#context.api.llama_sampler_accept(this.#live, token)
    this.#open = this.#context.guard.openAfter(token)
  }

  /** Makes those of all tokens impossible that cannot come next. */
  narrow(candidates: CandidateArray): void {
    this.#apply(candidates)
    for (const token of this.#context.guard.barred(this.#open)) candidates.bar(token)
  }

  #apply(candidates: CandidateArray): void {
    this.#context.api.llama_sampler_apply(this.#live, candidates.address)
  }

  /** Gives the memory back at once; states that nobody frees wait for the collector. */
  free(): void {
    if (this.#pointer === null) return
    unused.unregister(this)
    this.#context.api.llama_sampler_free(this.#pointer)
    this.#pointer = null
  }

  get #live(): Pointer {
    assert(this.#pointer !== null, 'a grammar was used after its end')
    return this.#pointer
  }
}

const unused = new FinalizationRegistry<{ api: LlamaApi; pointer: Pointer }>(({ api, pointer }) =>
  api.llama_sampler_free(pointer)
)
