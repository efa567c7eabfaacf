/** The grammars of JSON answers and of the arguments of tools, each made once. */
import type { Tool } from '#shared/contracts/inference/chat.ts'
import type { ResponseFormat } from '#shared/contracts/inference/request.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { ArgumentRules } from '../format/output-format.ts'
import type { Grammar, Grammars } from '../grammar.ts'
import { SchemaRules } from '../schema/schema-rules.ts'
import { argumentsRule, parametersOf } from '../schema/tool-arguments.ts'

/** Schemas whose grammars are kept. */
const COMPILED_MAX = 64
const ANY_OBJECT = { type: 'object' }

export class JsonGrammars implements Grammars {
  readonly #grammars: Grammars
  readonly #texts = new BoundedMap<string, string>(COMPILED_MAX) // by schema
  readonly #compiled = new BoundedMap<string, Grammar>(COMPILED_MAX) // by text

  constructor(grammars: Grammars) {
    this.#grammars = grammars
  }

  /** The grammar of an answer in this form. */
  textOf(format: ResponseFormat): string {
    const schema = format.type === 'json' ? ANY_OBJECT : format.schema
    return this.#textOf(JSON.stringify(schema), (rules) => rules.add(schema))
  }

  /** The grammar of a tool's arguments. */
  argumentsOf(tool: Tool): string {
    return this.#textOf(JSON.stringify(['tool', tool]), (rules) => argumentsRule(rules, tool))
  }

  /** The rules of a tool's arguments, one by one. */
  argumentRulesOf(tool: Tool): ArgumentRules | null {
    const rules = new SchemaRules()
    const each = parametersOf(rules, tool)
    return each === null ? null : { rules: rules.text, each }
  }

  compile(text: string): Grammar {
    const grammar = this.#compiled.get(text) ?? this.#compileNew(text)
    this.#compiled.set(text, grammar) // used last, so it stays
    return grammar
  }

  /** The grammars are made synchronously, so a request cannot be cancelled in between. */
  #textOf(key: string, add: (rules: SchemaRules) => string): string {
    const text = this.#texts.get(key) ?? makeText(add)
    this.#texts.set(key, text) // used last, so it stays
    return text
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
}

function makeText(add: (rules: SchemaRules) => string): string {
  const rules = new SchemaRules()
  const root = add(rules)
  return `root ::= ${root}\n${rules.text}\n`
}
