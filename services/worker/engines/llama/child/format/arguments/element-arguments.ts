/**
 * Arguments as elements that are named after their keys, as MiniMax-M3 writes them; each tag has a
 * mark before it. The items of a list are elements of the name `item`:
 *
 *   ]<]minimax[>[<city>Köln]<]minimax[>[</city>]<]minimax[>[<days>]<]minimax[>[<item>1…
 */
import type { Input, Reading } from '../input.ts'
import type { Marks } from '../marks.ts'
import type { CallDraft, Part } from '../output-format.ts'
import {
  isSchema,
  propertySchema,
  resolved,
  typesOf,
  type JsonType,
  type Schema
} from './argument-types.ts'
import { TEXT_ROOT, textWithout } from './text-rules.ts'
import { valueOfText } from './text-value.ts'

const ITEM = 'item'
const NAME_CHARACTERS_MAX = 256
/** Nothing that a tool takes is deeper. */
const DEPTH_MAX = 32

/** `mark` stands before each tag. */
export function elementArguments(plainMark: string, marks: Marks): Part {
  const mark = marks.of(plainMark)
  return {
    *read(input, call) {
      const isWhole = yield* new ElementReader(input, call, { mark, marks }).arguments()
      if (isWhole) call.complete()
      return true
    },
    rule: (rules, { parameters }) =>
      rules.addGrammar('elements', new ElementRules(mark, marks, parameters).text())
  }
}

class ElementReader {
  readonly #input: Input
  readonly #call: CallDraft
  readonly #mark: string
  readonly #marks: Marks

  constructor(input: Input, call: CallDraft, { mark, marks }: { mark: string; marks: Marks }) {
    this.#input = input
    this.#call = call
    this.#mark = mark
    this.#marks = marks
  }

  *arguments(): Reading<boolean> {
    this.#emit('{')
    for (let count = 0; ; count++) {
      yield* this.#input.spaces()
      const name = yield* this.#opening()
      if (name === null) break
      this.#emit(`${count === 0 ? '' : ', '}${JSON.stringify(name)}: `)
      const schema = propertySchema(this.#call.schema, name)
      if (!(yield* this.#element(name, schema, 0))) return false
    }
    if (!(yield* this.#input.hasMore())) return false
    this.#emit('}')
    return true
  }

  #emit(json: string): void {
    this.#call.arguments(json)
  }

  /** Takes a tag that opens an element and returns its name; null where there is none. */
  *#opening(): Reading<string | null> {
    let name = ''
    const { input, mark } = { input: this.#input, mark: this.#mark }
    const isOpening = yield* input.attempt(function* () {
      if (!(yield* input.expect(`${mark}<`))) return false
      name = yield* input.while(/[^\s<>/]/, NAME_CHARACTERS_MAX)
      return name !== '' && (yield* input.expect('>'))
    })
    return isOpening ? name : null
  }

  /** Reads what is in an element, and its end. */
  *#element(name: string, given: unknown, depth: number): Reading<boolean> {
    if (depth > DEPTH_MAX) return false
    const types = typesOf(given, this.#call.schema)
    const isWhole =
      types.size === 1 && types.has('string')
        ? yield* this.#text()
        : yield* this.#other(types, given, depth)
    return isWhole && (yield* this.#input.expect(`</${name}>`))
  }

  *#text(): Reading<boolean> {
    this.#emit('"')
    const mark = yield* this.#input.until([this.#mark], (part) => {
      this.#emit(JSON.stringify(this.#marks.spelled(part)).slice(1, -1))
    })
    if (mark !== null) this.#emit('"')
    return mark !== null
  }

  *#other(types: ReadonlySet<JsonType>, schema: unknown, depth: number): Reading<boolean> {
    const parts: string[] = []
    const place = this.#input.save()
    yield* this.#input.spaces()
    const child = yield* this.#opening()
    if (child === null) this.#input.rewind(place)
    this.#input.release()
    if (child !== null) return yield* this.#children(child, schema, depth)
    if ((yield* this.#input.until([this.#mark], (part) => parts.push(part))) === null) return false
    const text = this.#marks.spelled(parts.join(''))
    if (text.trim() === '' && !types.has('string')) {
      this.#emit(types.has('array') ? '[]' : types.has('object') ? '{}' : 'null')
    } else this.#emit(valueOfText(text, types))
    return true
  }

  /** The first child is open already. Takes the mark before the end of the element, too. */
  *#children(first: string, given: unknown, depth: number): Reading<boolean> {
    const types = typesOf(given, this.#call.schema)
    const isList = first === ITEM && (types.has('array') || !types.has('object'))
    const schema = resolved(given, this.#call.schema)
    this.#emit(isList ? '[' : '{')
    for (let name: string | null = first, count = 0; name !== null; count++) {
      const comma = count === 0 ? '' : ', '
      this.#emit(isList ? comma : `${comma}${JSON.stringify(name)}: `)
      const inner = isList ? schema?.['items'] : propertySchema(schema, name)
      if (!(yield* this.#element(name, inner, depth + 1))) return false
      yield* this.#input.spaces()
      name = yield* this.#opening()
    }
    this.#emit(isList ? ']' : '}')
    return yield* this.#input.expect(this.#mark)
  }
}

class ElementRules {
  readonly #mark: string
  readonly #marks: Marks
  readonly #root: Schema | undefined
  readonly #rules = new Map<string, string>()
  readonly #known = new Map<Schema, string>()

  constructor(mark: string, marks: Marks, root: Schema | undefined) {
    this.#mark = mark
    this.#marks = marks
    this.#root = root
  }

  text(): string {
    const root = resolved(this.#root, this.#root) ?? {}
    const lines = [`root ::= ${this.#members(root) || '""'}`]
    for (const [name, rule] of this.#rules) lines.push(`${name} ::= ${rule}`)
    return [...lines, NUMBERS, textWithout(this.#marks.spelled(this.#mark))].join('\n')
  }

  #members(schema: Schema): string {
    const properties = isSchema(schema['properties']) ? schema['properties'] : {}
    const required = Array.isArray(schema['required']) ? schema['required'] : []
    const elements = Object.entries(properties).map(([name, inner]) => {
      const element = this.#elementRule(name, inner)
      return required.includes(name) ? element : `( ${element} )?`
    })
    return elements.join(' ')
  }

  #elementRule(name: string, schema: unknown): string {
    const tag = (text: string) => this.#marks.literal(this.#mark + text)
    return `${tag(`<${name}>`)} ${this.#value(schema)} ${tag(`</${name}>`)}`
  }

  #value(given: unknown): string {
    const schema = resolved(given, this.#root)
    if (schema === undefined) return TEXT_ROOT
    const known = this.#known.get(schema)
    if (known !== undefined) return known
    const name = `v${this.#known.size}`
    this.#known.set(schema, name)
    const values = 'const' in schema ? [schema['const']] : schema['enum']
    this.#rules.set(name, Array.isArray(values) ? this.#given(values) : this.#typed(schema))
    return name
  }

  #given(values: readonly unknown[]): string {
    const texts = values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
    return texts.map((text) => this.#marks.literal(text)).join(' | ')
  }

  #typed(schema: Schema): string {
    const types = [...typesOf(schema, this.#root)]
    const rules = types.map((type) => {
      if (type === 'string') return TEXT_ROOT
      if (type === 'boolean') return '"true" | "false"'
      if (type === 'null') return '"null"'
      if (type === 'number') return schema['type'] === 'integer' ? 'integer' : 'number'
      if (type === 'object') return this.#members(schema) || '""'
      return `( ${this.#elementRule(ITEM, schema['items'])} )*`
    })
    return rules.join(' | ')
  }
}

const NUMBERS = [
  'integer ::= "-"? ( "0" | [1-9] [0-9]{0,15} )',
  'number ::= integer ( "." [0-9]{1,16} )? ( [eE] [-+]? [0-9]{1,2} )?'
].join('\n')
