/**
 * The grammar that keeps an answer to a form, and its state while the answer is written.
 *
 * The library's own grammars ask for line breaks after the object, as a sign to its chat class; a
 * model that does not write them goes on and on. Here the object is the end.
 */
import { LlamaJsonSchemaGrammar, type Llama } from 'node-llama-cpp'
import type { Tool } from '#shared/contracts/inference/chat.ts'
import type { ResponseFormat } from '#shared/contracts/inference/request.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { Grammar, Grammars, GrammarState } from '../grammar.ts'
import type { Token } from '../vocabulary.ts'
import { toGrammarSchema } from './json-schema.ts'

/** Schemas whose grammars are kept. */
const COMPILED_MAX = 64

export class JsonGrammars {
  readonly #llama: Llama
  readonly #grammars: Grammars
  readonly #texts = new BoundedMap<string, string>(COMPILED_MAX) // by schema
  readonly #compiled = new BoundedMap<string, Grammar>(COMPILED_MAX) // by text

  constructor(llama: Llama, grammars: Grammars) {
    this.#llama = llama
    this.#grammars = grammars
  }

  /** Returns the state after the tokens that a resumed answer already has. */
  stateAfter(format: ResponseFormat, tokens: readonly Token[]): GrammarState {
    const state = this.stateOf(format.type === 'json' ? ANY_OBJECT : this.#textOf(format.schema))
    for (const token of tokens) this.accept(state, token, 'responseFormat')
    return state
  }

  /** Returns the state at the beginning of a grammar in llama.cpp's notation. */
  stateOf(text: string): GrammarState {
    return this.#compile(text).begin()
  }

  /**
   * The grammar of a tool's arguments. Only `strict` promises the schema: without it, one that no
   * grammar can keep describes the arguments to the model, which may be any object.
   */
  argumentsOf({ name, parameters = NO_PARAMETERS, strict }: Tool): string {
    try {
      return this.#textOf(parameters)
    } catch (error) {
      if (strict !== true) return ANY_OBJECT
      const { code, message } = toHaifError(error)
      const details = { param: 'tools' }
      throw new HaifError(code, `the tool ${name}: ${message}`, { cause: error, details })
    }
  }

  #compile(text: string): Grammar {
    const grammar = this.#compiled.get(text) ?? this.#grammars.compile(text)
    this.#compiled.set(text, grammar) // used last, so it stays
    return grammar
  }

  /** The constructors work synchronously, so a request cannot be cancelled in between. */
  #textOf(given: Record<string, unknown>): string {
    const key = JSON.stringify(given)
    const text = this.#texts.get(key) ?? this.#makeText(given)
    this.#texts.set(key, text) // used last, so it stays
    return text
  }

  #makeText(given: Record<string, unknown>): string {
    const schema = toGrammarSchema(given)
    try {
      const text = corrected(new LlamaJsonSchemaGrammar(this.#llama, schema as never).grammar)
      this.#compile(text)
      return text
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

const NO_PARAMETERS = { type: 'object', properties: {}, additionalProperties: false }

/**
 * Without the line breaks at the end, without exponents that would make a fraction of an integer,
 * and without those that would make a number too large to be read.
 */
function corrected(grammar: string): string {
  return grammar
    .replace(/^(root ::= .*) "(?:\\n)+" \[\\n\]\*$/m, '$1')
    .replace(/^(integer-number-rule ::= ).*$/m, '$1"-"? ("0" | [1-9] [0-9]{0,15})')
    .replace(/^(fractional-number-rule ::= ).*$/m, `$1${NUMBER}`)
}

const NUMBER = '"-"? ( "0" | [1-9] [0-9]{0,15} ) ( "." [0-9]{1,16} )? ( [eE] [-+]? [0-9]{1,2} )?'

/** llama.cpp's `json.gbnf`, but it begins and ends with the object, and spaces are few. */
const ANY_OBJECT = String.raw`
root   ::= object
value  ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" ws ( member ( ws "," ws member )* )? ws "}"
member ::= string ws ":" ws value
array  ::= "[" ws ( value ( ws "," ws value )* )? ws "]"
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" ( ["\\/bfnrt] | "u" [0-9a-fA-F]{4} ) )* "\""
number ::= ${NUMBER}
ws     ::= ( [ ] | "\n" [ \t]{0,20} )?
`
