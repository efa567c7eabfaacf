/**
 * The grammar that keeps an answer to a form, and its state while the answer is written.
 *
 * The library's own grammars ask for line breaks after the object, as a sign to its chat class; a
 * model that does not write them goes on and on. Here the object is the end.
 */
import {
  LlamaGrammar,
  LlamaGrammarEvaluationState,
  LlamaJsonSchemaGrammar,
  type Llama,
  type LlamaModel,
  type Token
} from 'node-llama-cpp'
import type { ResponseFormat } from '#shared/contracts/inference.ts'
import { HaifError } from '#shared/errors.ts'
import { oneLine } from './failure.ts'
import { toGrammarSchema } from './json-schema.ts'

export class JsonGrammars {
  readonly #llama: Llama
  readonly #model: LlamaModel
  readonly #compiled = new Map<string, LlamaGrammar>() // at most COMPILED_MAX, the latest last

  constructor(llama: Llama, model: LlamaModel) {
    this.#llama = llama
    this.#model = model
  }

  /** Where the grammar stands after the tokens that a resumed answer already has. */
  stateAfter(format: ResponseFormat, tokens: readonly Token[]): LlamaGrammarEvaluationState {
    const grammar = this.#compile(format)
    const state = new LlamaGrammarEvaluationState({ model: this.#model, grammar })
    for (const token of tokens) this.#accept(state, token)
    return state
  }

  #compile(format: ResponseFormat): LlamaGrammar {
    const key = format.type === 'json' ? '' : JSON.stringify(format.schema)
    const grammar = this.#compiled.get(key) ?? this.#make(format)
    this.#compiled.delete(key)
    this.#compiled.set(key, grammar)
    for (const oldest of this.#compiled.keys()) {
      if (this.#compiled.size <= COMPILED_MAX) break
      this.#compiled.delete(oldest)
    }
    return grammar
  }

  /** By the constructors, which do their work at once: a request has no gap to be cancelled in. */
  #make(format: ResponseFormat): LlamaGrammar {
    if (format.type === 'json') return new LlamaGrammar(this.#llama, { grammar: ANY_OBJECT })
    const schema = toGrammarSchema(format.schema)
    try {
      const { grammar } = new LlamaJsonSchemaGrammar(this.#llama, schema as never)
      return new LlamaGrammar(this.#llama, { grammar: corrected(grammar) })
    } catch (error) {
      throw new HaifError(
        'VALIDATION_FAILED',
        `no grammar can be made of the schema: ${oneLine(error)}`,
        { cause: error, details: { param: 'responseFormat' } }
      )
    }
  }

  /** A token that does not fit would leave the grammar in no state at all. */
  #accept(state: LlamaGrammarEvaluationState, token: Token): void {
    if (this.#model.isEogToken(token)) return
    const replay = replayOf(this.#llama)
    const native = (state as unknown as Record<string, unknown>)['_state']
    if (replay.canBeNextTokenForGrammarEvaluationState(native, token)) {
      replay.acceptGrammarEvaluationStateToken(native, token)
      return
    }
    throw new HaifError(
      'VALIDATION_FAILED',
      'the answer to go on with is not the beginning of one in this response format',
      { details: { param: 'responseFormat' } }
    )
  }
}

const COMPILED_MAX = 64

/** What the library itself uses to follow tokens that it has not drawn; it has no public name. */
interface Replay {
  canBeNextTokenForGrammarEvaluationState(state: unknown, token: Token): boolean
  acceptGrammarEvaluationStateToken(state: unknown, token: Token): void
}

function replayOf(llama: Llama): Replay {
  const bindings = (llama as unknown as Record<string, { AddonSampler?: Replay } | undefined>)[
    '_bindings'
  ]
  const replay = bindings?.AddonSampler
  if (typeof replay?.acceptGrammarEvaluationStateToken === 'function') return replay
  throw new HaifError(
    'UNSUPPORTED_PARAMETER',
    'this version of the library cannot go on in the middle of a JSON answer: ask for it anew',
    { details: { param: 'responseFormat' } }
  )
}

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

/** As in llama.cpp's `json.gbnf`, but it begins and ends with the object, and spaces are few. */
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
