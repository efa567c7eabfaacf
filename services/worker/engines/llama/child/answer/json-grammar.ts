/** The grammar that keeps an answer to a form, and its state while the answer is written. */
import type { Tool } from '#shared/contracts/inference/chat.ts'
import type { ResponseFormat } from '#shared/contracts/inference/request.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { Grammar, Grammars, GrammarState } from '../grammar.ts'
import { SchemaRules } from '../schema/schema-rules.ts'
import { argumentsRule } from '../schema/tool-arguments.ts'
import type { Token } from '../vocabulary.ts'

/** Schemas whose grammars are kept. */
const COMPILED_MAX = 64
const ANY_OBJECT = { type: 'object' }

export class JsonGrammars {
  readonly #grammars: Grammars
  readonly #texts = new BoundedMap<string, string>(COMPILED_MAX) // by schema
  readonly #compiled = new BoundedMap<string, Grammar>(COMPILED_MAX) // by text

  constructor(grammars: Grammars) {
    this.#grammars = grammars
  }

  /** Returns the state after the tokens that a resumed answer already has. */
  stateAfter(format: ResponseFormat, tokens: readonly Token[]): GrammarState {
    const schema = format.type === 'json' ? ANY_OBJECT : format.schema
    const state = this.stateOf(this.#textOf(JSON.stringify(schema), (rules) => rules.add(schema)))
    for (const token of tokens) this.accept(state, token, 'responseFormat')
    return state
  }

  /** Returns the state at the beginning of a grammar in llama.cpp's notation. */
  stateOf(text: string): GrammarState {
    return this.#compile(text).begin()
  }

  /** The grammar of a tool's arguments. */
  argumentsOf(tool: Tool): string {
    return this.#textOf(JSON.stringify(['tool', tool]), (rules) => argumentsRule(rules, tool))
  }

  /** The grammars are made synchronously, so a request cannot be cancelled in between. */
  #textOf(key: string, add: (rules: SchemaRules) => string): string {
    const text = this.#texts.get(key) ?? makeText(add)
    this.#texts.set(key, text) // used last, so it stays
    return text
  }

  #compile(text: string): Grammar {
    const grammar = this.#compiled.get(text) ?? this.#compileNew(text)
    this.#compiled.set(text, grammar) // used last, so it stays
    return grammar
  }

  #compileNew(text: string): Grammar {
    try {
      return this.#grammars.compile(text)
    } catch (error) {
      throw new HaifError(
        'VALIDATION_FAILED',
        `no grammar can be made of the schema: ${reasonOf(error)}`,
        { cause: error, details: { param: 'responseFormat' } }
      )
    }
  }

  /** A token that does not fit would leave the grammar in no state at all. */
  accept(state: GrammarState, token: Token, param: 'responseFormat' | 'tools'): void {
    if (state.allows(token)) return state.accept(token)
    const form = param === 'tools' ? 'with these tools' : 'in this response format'
    throw new HaifError(
      'VALIDATION_FAILED',
      `the answer to go on with is not the beginning of one ${form}`,
      { details: { param } }
    )
  }
}

function makeText(add: (rules: SchemaRules) => string): string {
  const rules = new SchemaRules()
  const root = add(rules)
  return `root ::= ${root}\n${rules.text}\n`
}
