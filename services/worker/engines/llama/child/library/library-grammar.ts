/** Grammars as `node-llama-cpp` runs them. */
import {
  LlamaGrammar,
  LlamaGrammarEvaluationState,
  type Llama,
  type LlamaModel
} from 'node-llama-cpp'
import type { Grammar, Grammars, GrammarState } from '../grammar.ts'
import type { Token } from '../vocabulary.ts'

export class LibraryGrammars implements Grammars {
  readonly #llama: Llama
  readonly #model: LlamaModel

  constructor(llama: Llama, model: LlamaModel) {
    this.#llama = llama
    this.#model = model
  }

  compile(gbnf: string): Grammar {
    const model = this.#model
    const grammar = new LlamaGrammar(this.#llama, { grammar: gbnf })
    const begin = () => new LlamaGrammarEvaluationState({ model, grammar })
    begin() // the library parses the text only here
    return { begin: () => new LibraryGrammarState(begin(), this.#llama, model) }
  }
}

export class LibraryGrammarState implements GrammarState {
  /** The state for the library, which moves it when it draws under it. */
  readonly state: LlamaGrammarEvaluationState
  readonly #model: LlamaModel
  readonly #steps: Steps

  constructor(state: LlamaGrammarEvaluationState, llama: Llama, model: LlamaModel) {
    this.state = state
    this.#model = model
    this.#steps = stepsOf(llama)
  }

  allows(token: Token): boolean {
    return this.#steps.canBeNextTokenForGrammarEvaluationState(this.#native, token)
  }

  accept(token: Token): void {
    if (this.#model.isEogToken(token)) return
    this.#steps.acceptGrammarEvaluationStateToken(this.#native, token)
  }

  get #native(): unknown {
    return (this.state as unknown as Record<string, unknown>)['_state']
  }
}

/** The library's own way to follow tokens that it has not drawn; it has no public name. */
interface Steps {
  canBeNextTokenForGrammarEvaluationState(state: unknown, token: Token): boolean
  acceptGrammarEvaluationStateToken(state: unknown, token: Token): void
}

function stepsOf(llama: Llama): Steps {
  const bindings = (llama as unknown as Record<string, { AddonSampler?: Steps } | undefined>)[
    '_bindings'
  ]
  const steps = bindings?.AddonSampler
  if (typeof steps?.acceptGrammarEvaluationStateToken === 'function') return steps
  throw new Error('this version of node-llama-cpp cannot follow a grammar')
}
