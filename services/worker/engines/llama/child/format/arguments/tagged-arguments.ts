/**
 * Arguments with marks of their own, between which a text stands as it is:
 *
 *   <parameter=city>            <arg_key>city</arg_key>       <parameter name="city">
 *   Köln                        <arg_value>Köln</arg_value>   Köln</parameter>
 *   </parameter>
 *
 * The tool's schema tells what a text means; see `text-value.ts`.
 */
import type { Input, Reading } from '../input.ts'
import { readJson } from '../json-value.ts'
import type { Marks } from '../marks.ts'
import type { CallableTool, CallDraft, Part, Rules } from '../output-format.ts'
import type { Parameter } from '../../schema/schema-rules.ts'
import {
  isText,
  propertySchema,
  resolved,
  typesOf,
  type JsonType,
  type Schema
} from './argument-types.ts'
import { TEXT_ROOT, textWithout } from './text-rules.ts'
import { valueOfText } from './text-value.ts'

export interface TaggedSyntax {
  /** Behind the name of the tool. */
  before: string
  /** Before the key of an argument. */
  key: string
  /** Between a key and its value. */
  value: string
  /**
   * Where `KIND_SLOT` stands in `value`, the family says of which type the value is, in these
   * words.
   */
  kinds?: Readonly<Record<JsonType, string>>
  /** Behind a value. */
  close: string
  /** Behind the last argument. */
  after: string
  /** True where a text with markup in it stands between `CDATA_BEGIN` and `CDATA_END`. */
  cdata?: boolean
}

export const KIND_SLOT = '\uE002'
const CDATA_BEGIN = '<![CDATA['
const CDATA_END = ']]>'
const KEY_CHARACTERS_MAX = 256

export const taggedArguments = (syntax: TaggedSyntax, marks: Marks): Part =>
  new TaggedArguments(syntax, marks)

class TaggedArguments implements Part {
  readonly #marks: Marks
  readonly #syntax: TaggedSyntax
  readonly #kinds: TaggedSyntax['kinds']
  /** Before the kind and behind it; the second is '' where there is no kind. */
  readonly #value: readonly [string, string]
  /** Without the line breaks around a value, of which exactly one on each side is not its own. */
  readonly #close: string
  readonly #isPadded: boolean

  constructor(given: TaggedSyntax, marks: Marks) {
    this.#marks = marks
    this.#kinds = given.kinds
    this.#isPadded = given.value.endsWith('\n') && given.close.startsWith('\n')
    const of = (text: string) => marks.of(text)
    this.#syntax = {
      before: of(given.before),
      key: of(given.key),
      value: of(given.value),
      close: of(given.close),
      after: of(given.after),
      cdata: given.cdata === true
    }
    const [begin = '', end = ''] = given.value.trimEnd().split(KIND_SLOT)
    this.#value = [of(begin), of(end)]
    this.#close = of(given.close.trimStart())
  }

  *read(input: Input, call: CallDraft): Reading<boolean> {
    const { before, key, after } = this.#syntax
    if (!(yield* input.expect(` ${before}`))) return false
    call.arguments('{')
    let isFirst = true
    while (yield* input.accept(` ${key}`)) {
      const isWhole = yield* this.#readArgument(input, call, isFirst)
      if (!isWhole) return true
      isFirst = false
    }
    const isEnd = yield* input.accept(` ${after}`)
    // A model may leave the end out, but a text that is over may be cut.
    if (!isEnd && !(yield* input.hasMore())) return true
    call.arguments('}')
    call.complete()
    return true
  }

  /** Returns false where the text is over before the argument is. */
  *#readArgument(input: Input, call: CallDraft, isFirst: boolean): Reading<boolean> {
    const key = yield* this.#readTo(input, this.#value[0])
    const kind = this.#kinds === undefined ? '' : yield* this.#readTo(input, this.#value[1])
    if (key === null || kind === null) return false
    call.arguments(`${isFirst ? '' : ', '}${JSON.stringify(key)}: `)
    const types = this.#typesOf(key, kind, call)
    return isText(types)
      ? yield* this.#readText(input, (json) => call.arguments(json))
      : yield* this.#readOther(input, types, (json) => call.arguments(json))
  }

  *#readTo(input: Input, mark: string): Reading<string | null> {
    const parts: string[] = []
    const found = yield* input.until([mark.trimEnd()], (part) => parts.push(part))
    const text = parts.join('').trim()
    return found === null || text.length > KEY_CHARACTERS_MAX ? null : text
  }

  #typesOf(key: string, kind: string, call: CallDraft): ReadonlySet<JsonType> {
    if (this.#kinds?.string === kind) return new Set(['string'])
    const types = typesOf(propertySchema(call.schema, key), call.schema)
    if (this.#kinds === undefined) return types
    // The model has said that it is no text.
    const others = [...types].filter((type) => type !== 'string')
    return others.length === 0 ? types : new Set(others)
  }

  *#readText(input: Input, emit: (json: string) => void): Reading<boolean> {
    let held = '' // the line break before the end
    const show = (part: string) => {
      const text = held + part
      held = this.#isPadded && text.endsWith('\n') ? '\n' : ''
      const shown = text.slice(0, text.length - held.length)
      if (shown !== '') emit(this.#json(shown).slice(1, -1))
    }
    emit('"')
    const mark = yield* this.#untilClose(input, show)
    if (mark) emit('"')
    return mark
  }

  *#readOther(
    input: Input,
    types: ReadonlySet<JsonType>,
    emit: (json: string) => void
  ): Reading<boolean> {
    const parts: string[] = []
    const take = (part: string) => parts.push(part)
    const place = input.save()
    yield* input.spaces()
    const isNested = /[{[]/.test(yield* input.peek())
    if (!isNested) input.rewind(place)
    input.release()
    // A mark inside of a JSON text is part of that text.
    if (isNested && !(yield* readJson(input, take))) return false
    if (!(yield* this.#untilClose(input, take))) return false
    const text = this.#isPadded ? parts.join('').replace(/\n$/, '') : parts.join('')
    emit(valueOfText(this.#marks.spelled(text), types))
    return true
  }

  *#untilClose(input: Input, take: (part: string) => void): Reading<boolean> {
    if (this.#isPadded && (yield* input.peek()) === '\n') input.take()
    if (this.#syntax.cdata === true && (yield* input.accept(CDATA_BEGIN))) {
      if ((yield* input.until([CDATA_END], take)) === null) return false
      return yield* input.expect(` ${this.#close}`)
    }
    return (yield* input.until([this.#close], take)) !== null
  }

  #json(text: string): string {
    return JSON.stringify(this.#marks.spelled(text))
  }

  rule(rules: Rules, tool: CallableTool): string {
    const { before, after } = this.#syntax
    const root = resolved(tool.parameters, tool.parameters)
    const known = tool.argumentRules()
    const nameOf = known === null ? String : rules.addRules('value', known.rules)
    const parts = (known?.each ?? []).map((parameter) => {
      const types = typesOf(propertySchema(root, parameter.name), root)
      const rule = this.#argumentRule(rules, { parameter, types, nameOf })
      const argument = rules.add('argument', rule)
      return parameter.required ? argument : `( ${argument} )?`
    })
    const others = known === null || takesOthers(root) ? `( ${this.#otherRule(rules)} )*` : ''
    const text = (mark: string) => (mark === '' ? '' : rules.literal(mark))
    // Without any argument, some templates write the line break twice.
    const space = /^\s/.test(after) ? '[\\n]?' : ''
    return [text(before), ...parts, others, space, text(after)]
      .filter((part) => part !== '')
      .join(' ')
  }

  #argumentRule(rules: Rules, { parameter, types, nameOf }: ArgumentFacts): string {
    const { key, value, close } = this.#syntax
    const openings = Map.groupBy(types, (type) => this.#kinds?.[type] ?? '')
    const isOneKind = this.#kinds === undefined
    const alternatives = Array.from(openings, ([kind, group]) => {
      const opening = rules.literal(key + parameter.name + value.replace(KIND_SLOT, kind))
      const mayBeText = group.includes('string') && parameter.text !== 'never'
      if (mayBeText) return `${opening} ${this.#textRule(rules, rawRule(parameter, nameOf))}`
      const python = group.includes('boolean') ? ' | "True" | "False"' : ''
      const json = nameOf(parameter.json)
      return `${opening} ( ${json}${python} ) ${rules.literal(close)}`
    })
    return isOneKind ? alternatives[0]! : alternatives.join(' | ')
  }

  /** An argument that the schema does not name. */
  #otherRule(rules: Rules): string {
    const value = this.#syntax.value.replace(KIND_SLOT, this.#kinds?.string ?? '')
    const text = this.#textRule(rules, null)
    return `${rules.literal(this.#syntax.key)} [a-zA-Z0-9_.-]+ ${rules.literal(value)} ${text}`
  }

  /** A text and the mark behind it; `raw`: the rule of the text, where it is not any. */
  #textRule(rules: Rules, raw: string | null): string {
    if (raw !== null) return `${raw} ${rules.literal(this.#syntax.close)}`
    // The line break before the mark may be missing, as for the reader.
    const close = rules.literal(this.#close)
    const text = `${textRule(rules, this.#marks.spelled(this.#close))} ${close}`
    if (this.#syntax.cdata !== true) return text
    const data = `${rules.literal(CDATA_BEGIN)} ${textRule(rules, CDATA_END)}`
    return `( ${text} | ${data} ${rules.literal(CDATA_END)} ${close} )`
  }
}

interface ArgumentFacts {
  parameter: Parameter
  types: ReadonlySet<JsonType>
  nameOf: (rule: string) => string
}

const textRule = (rules: Rules, mark: string): string =>
  rules.addGrammar('text', `root ::= ${TEXT_ROOT}\n${textWithout(mark)}`)

/** Null where any text fits. What is only sometimes a text is written as one then. */
function rawRule({ text, raw }: Parameter, nameOf: (rule: string) => string): string | null {
  return text === 'always' && raw !== null ? nameOf(raw) : null
}

/** True when a tool takes arguments that its schema does not name. */
function takesOthers(root: Schema | undefined): boolean {
  if (root === undefined) return false
  const { additionalProperties: others = !('properties' in root) } = root
  return others !== false
}
