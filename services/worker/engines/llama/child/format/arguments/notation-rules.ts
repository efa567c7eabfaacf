/**
 * The grammar of values in a notation that is not JSON, by a tool's schema: types, properties and
 * listed values are kept. Bounds and patterns are not; the schema in the prompt tells the model.
 */
import { isSchema, resolved, typesOf, type JsonType, type Schema } from './argument-types.ts'

/** How values are written. Each is an expression of a grammar, unless it says otherwise. */
export interface Notation {
  /** Any text, with what stands around it. */
  text: string
  /** Rules that `text` uses, one a line. */
  textRules?: string
  /** A given text, with what stands around it. */
  textOf: (text: string) => string
  key: (name: string) => string
  anyKey: string
  /** Between a key and its value. */
  assign: string
  comma: string
  /** The words themselves. */
  words: Readonly<Record<'true' | 'false' | 'null', readonly string[]>>
  /** True where a model has learned to write keys in the order of the alphabet. */
  sorted: boolean
}

const NUMBER = '"-"? ( "0" | [1-9] [0-9]{0,15} ) ( "." [0-9]{1,16} )? ( [eE] [-+]? [0-9]{1,2} )?'
const INTEGER = '"-"? ( "0" | [1-9] [0-9]{0,15} )'

export class NotationRules {
  readonly #notation: Notation
  readonly #root: Schema | undefined
  readonly #rules = new Map<string, string>()
  /** A schema that refers to itself has one rule. */
  readonly #known = new Map<Schema, string>()

  constructor(notation: Notation, root: Schema | undefined) {
    this.#notation = notation
    this.#root = root
    const { true: yes, false: no, null: none } = notation.words
    this.#rules.set('text', notation.text)
    this.#rules.set('number', NUMBER)
    this.#rules.set('integer', INTEGER)
    this.#rules.set('boolean', wordsOf([...yes, ...no]))
    this.#rules.set('null', wordsOf(none))
    this.#rules.set('any', 'text | number | boolean | null | any-list | any-object')
    this.#rules.set('any-list', `"[" ( any ( ${notation.comma} any )* )? "]"`)
    this.#rules.set('any-object', `"{" ${this.#others(false)} "}"`)
  }

  /** A grammar whose root is what stands between the brackets of the arguments. */
  members(notation: Notation): string {
    const root = resolved(this.#root, this.#root) ?? { properties: {} }
    this.#rules.set('root', this.#members(root, notation))
    const lines = [...this.#rules].map(([name, rule]) => `${name} ::= ${rule}`)
    return [...lines, this.#notation.textRules ?? ''].join('\n').trimEnd()
  }

  #value(given: unknown): string {
    const schema = resolved(given, this.#root)
    if (schema === undefined) return 'any'
    const known = this.#known.get(schema)
    if (known !== undefined) return known
    const name = `v${this.#known.size}`
    this.#known.set(schema, name)
    this.#rules.set(name, this.#expression(schema))
    return name
  }

  #expression(schema: Schema): string {
    const values = 'const' in schema ? [schema['const']] : schema['enum']
    if (Array.isArray(values) && values.length > 0) {
      return [...new Set(values.map((value) => this.#given(value)))].join(' | ')
    }
    const branches = schema['anyOf'] ?? schema['oneOf']
    if (Array.isArray(branches) && branches.length > 0) {
      return branches.map((branch) => this.#value(branch)).join(' | ')
    }
    const types = [...typesOf(schema, this.#root)]
    return types.map((type) => this.#typed(type, schema)).join(' | ')
  }

  #given(value: unknown): string {
    if (typeof value === 'string') return this.#notation.textOf(value)
    const { words } = this.#notation
    if (value === null) return wordsOf(words.null)
    if (typeof value === 'boolean') return wordsOf(value ? words.true : words.false)
    return typeof value === 'number' ? `"${value}"` : 'any'
  }

  #typed(type: JsonType, schema: Schema): string {
    if (type === 'string') return 'text'
    if (type === 'number') return schema['type'] === 'integer' ? 'integer' : 'number'
    if (type === 'boolean' || type === 'null') return type
    if (type === 'object') return `"{" ${this.#members(schema, this.#notation)} "}"`
    const item = this.#value(schema['items'])
    return `"[" ( ${item} ( ${this.#notation.comma} ${item} )* )? "]"`
  }

  /** The members of an object: those that must be there, and any of the others. */
  #members(schema: Schema, notation: Notation): string {
    const properties = isSchema(schema['properties']) ? schema['properties'] : {}
    const { required, additionalProperties: more = !('properties' in schema) } = schema
    const isRequired = (name: string) => Array.isArray(required) && required.includes(name)
    const names = Object.keys(properties)
    if (notation.sorted) names.sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))
    const none = more === false ? '""' : this.#others(false)
    const some = more === false ? '""' : this.#others(true)
    // From the last member to the first: what may follow while none is written yet, and later.
    let [first, later] = [none, some]
    for (const name of names.toReversed()) {
      const member = `${notation.key(name)} ${notation.assign} ${this.#value(properties[name])}`
      const rest = this.#add(later)
      const [skipFirst, skipLater] = isRequired(name) ? ['', ''] : [` | ${first}`, ` | ${later}`]
      first = this.#add(`${member} ${rest}${skipFirst}`)
      later = this.#add(`${notation.comma} ${member} ${rest}${skipLater}`)
    }
    return first
  }

  /** Members that the schema does not name. */
  #others(isLater: boolean): string {
    const { anyKey, assign, comma } = this.#notation
    const member = `${anyKey} ${assign} any`
    return isLater ? `( ${comma} ${member} )*` : `( ${member} ( ${comma} ${member} )* )?`
  }

  #add(expression: string): string {
    if (/^[\w-]+$/.test(expression)) return expression
    const name = `m${this.#rules.size}`
    this.#rules.set(name, expression)
    return name
  }
}

const wordsOf = (words: readonly string[]): string =>
  words.length === 1 ? `"${words[0]}"` : `( ${words.map((word) => `"${word}"`).join(' | ')} )`
