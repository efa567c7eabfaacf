/** The values of a template, with Python's ideas of truth, equality, order and text. */
import { concat, isStr, raw, slice, Text, type Str } from './text.ts'

export type Value =
  | None
  | boolean
  | number
  | bigint
  | Float
  | Str
  | List
  | Dict
  | Undefined
  | Callable
  | Members

/** Python's `None`, which is no JavaScript `null`: that means that nothing is given. */
class None {
  readonly isNone = true
}
export const NONE = new None()

/** A number that Python writes with a point although it is whole. */
export class Float {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

export class List {
  readonly items: Value[]
  readonly isTuple: boolean

  constructor(items: Value[], isTuple = false) {
    this.items = items
    this.isTuple = isTuple
  }
}

type Key = string | number | bigint | boolean | object

/** Keeps the order in which keys came, and the keys as they were given. */
export class Dict {
  readonly #entries = new Map<Key, [key: Value, value: Value]>()

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.set(key, value)
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(keyOf(key))?.[1]
  }

  has(key: Value): boolean {
    return this.#entries.has(keyOf(key))
  }

  set(key: Value, value: Value): void {
    const known = this.#entries.get(keyOf(key))
    this.#entries.set(keyOf(key), [known === undefined ? key : known[0], value])
  }

  delete(key: Value): void {
    this.#entries.delete(keyOf(key))
  }

  entries(): [Value, Value][] {
    return [...this.#entries.values()]
  }

  keys(): Value[] {
    return this.entries().map(([key]) => key)
  }

  values(): Value[] {
    return this.entries().map(([, value]) => value)
  }
}

/** A name, a key or an attribute that is not there: empty, until something is asked of it. */
export class Undefined {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}

export interface Given {
  args: readonly Value[]
  named: ReadonlyMap<string, Value>
}

export class Callable {
  readonly call: (given: Given) => Value

  constructor(call: (given: Given) => Value) {
    this.call = call
  }
}

/** A namespace or a `loop`: a thing that has attributes and is no mapping. */
export abstract class Members {
  abstract get(name: string): Value | undefined
}

export class Namespace extends Members {
  readonly #values: Map<string, Value>

  constructor(values: Iterable<readonly [string, Value]>) {
    super()
    this.#values = new Map(values)
  }

  get(name: string): Value | undefined {
    return this.#values.get(name)
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value)
  }
}

export class TemplateError extends Error {
  override readonly name = 'TemplateError'
}

/** Nothing that is changed about the values would help. */
export class EndlessTemplate extends TemplateError {}

export const isNumber = (value: Value): value is number | bigint | Float =>
  typeof value === 'number' || typeof value === 'bigint' || value instanceof Float

export const numberOf = (value: number | bigint | Float | boolean): number =>
  value instanceof Float ? value.value : Number(value)

/** Whole results stay recognisable as fractions. */
export const float = (value: number): number | Float =>
  Number.isInteger(value) ? new Float(value) : value

export const isFloat = (value: Value): boolean =>
  value instanceof Float || (typeof value === 'number' && !Number.isInteger(value))

export function isTrue(value: Value): boolean {
  if (typeof value !== 'object') return Boolean(value)
  if (value instanceof Text) return value.value !== ''
  if (value instanceof List) return value.items.length > 0
  if (value instanceof Dict) return value.size > 0
  if (value instanceof Float) return value.value !== 0
  return !(value instanceof Undefined) && value !== NONE
}

export function areEqual(a: Value, b: Value): boolean {
  if (isStr(a) || isStr(b)) return isStr(a) && isStr(b) && raw(a) === raw(b)
  if (isNumeric(a) && isNumeric(b)) return numberOf(a) === numberOf(b)
  if (a instanceof Undefined) return b instanceof Undefined
  if (a instanceof List && b instanceof List) {
    return (
      a.isTuple === b.isTuple &&
      a.items.length === b.items.length &&
      a.items.every((item, i) => areEqual(item, b.items[i]!))
    )
  }
  if (a instanceof Dict && b instanceof Dict) {
    const same = ([key, value]: [Value, Value]) => b.has(key) && areEqual(value, b.get(key)!)
    return a.size === b.size && a.entries().every(same)
  }
  return a === b
}

const isNumeric = (value: Value): value is number | bigint | Float | boolean =>
  isNumber(value) || typeof value === 'boolean'

/** Negative, zero or positive; throws for values that Python does not order. */
export function compare(a: Value, b: Value): number {
  if (isNumeric(a) && isNumeric(b)) return numberOf(a) - numberOf(b)
  if (isStr(a) && isStr(b)) {
    const [left, right] = [raw(a), raw(b)]
    return left < right ? -1 : left > right ? 1 : 0
  }
  if (a instanceof List && b instanceof List) {
    const at = a.items.findIndex((item, i) => i >= b.items.length || !areEqual(item, b.items[i]!))
    if (at === -1 || at >= b.items.length) return a.items.length - b.items.length
    return compare(a.items[at]!, b.items[at]!)
  }
  const undefinedOne = [a, b].find((each) => each instanceof Undefined)
  if (undefinedOne instanceof Undefined) throw new TemplateError(undefinedOne.message)
  throw new TemplateError(`'<' not supported between ${typeName(a)} and ${typeName(b)}`)
}

export function typeName(value: Value): string {
  if (value === NONE) return 'NoneType'
  if (isStr(value)) return 'str'
  if (typeof value === 'boolean') return 'bool'
  if (isFloat(value)) return 'float'
  if (isNumber(value)) return 'int'
  if (value instanceof List) return value.isTuple ? 'tuple' : 'list'
  if (value instanceof Dict) return 'dict'
  if (value instanceof Undefined) return 'undefined'
  return value instanceof Callable ? 'function' : 'object'
}

/** Python's `str()`. */
export function textOfValue(value: Value): Str {
  if (isStr(value)) return value
  return value instanceof Undefined ? '' : repr(value)
}

/** Python's `repr()`. */
export function repr(value: Value): Str {
  if (isStr(value)) return quoted(value)
  if (value === NONE) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (isNumber(value)) return numberText(value)
  if (value instanceof List) {
    const items = joined(value.items.map(repr))
    if (!value.isTuple) return concat(['[', items, ']'])
    return concat(['(', items, value.items.length === 1 ? ',)' : ')'])
  }
  if (value instanceof Dict) {
    const entries = value.entries().map(([key, each]) => concat([repr(key), ': ', repr(each)]))
    return concat(['{', joined(entries), '}'])
  }
  return value instanceof Undefined ? 'Undefined' : `<${typeName(value)}>`
}

const joined = (parts: readonly Str[]): Str =>
  concat(parts.flatMap((part, i) => (i === 0 ? [part] : [', ', part])))

/** Python leaves the notation without exponent later than JavaScript, and pads the exponent. */
export function numberText(value: number | bigint | Float): string {
  if (typeof value === 'bigint') return String(value)
  const number = numberOf(value)
  if (Number.isNaN(number)) return 'nan'
  if (!Number.isFinite(number)) return number > 0 ? 'inf' : '-inf'
  if (!(value instanceof Float) && Number.isInteger(number)) return BigInt(number).toString()
  const size = Math.abs(number)
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return number.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  }
  return Number.isInteger(number) ? `${Object.is(number, -0) ? '-0' : number}.0` : String(number)
}

function quoted(text: Str): Str {
  const value = raw(text)
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'"
  const parts: Str[] = [quote]
  let at = 0
  for (const { 0: character, index } of value.matchAll(/[\\'"\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu)) {
    const escaped = escape(character, quote)
    if (escaped === character) continue
    parts.push(slice(text, at, index), escapedLike(slice(text, index, index + 1), escaped))
    at = index + character.length
  }
  parts.push(slice(text, at), quote)
  return concat(parts)
}

/** An escape is written by whoever wrote the character. */
const escapedLike = (character: Str, escaped: string): Str =>
  typeof character === 'string'
    ? escaped
    : new Text([{ text: escaped, source: character.spans[0]!.source }])

function escape(character: string, quote: string): string {
  const known = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character]
  if (known !== undefined) return known
  if (character === '"' || character === "'") return character === quote ? `\\${quote}` : character
  const code = character.codePointAt(0)!
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`
  return `\\U${code.toString(16).padStart(8, '0')}`
}

function keyOf(key: Value): Key {
  if (isStr(key)) return raw(key)
  if (typeof key === 'boolean') return Number(key)
  if (key instanceof Float) return key.value
  if (key instanceof List && key.isTuple) return `\0${raw(repr(key))}`
  if (key instanceof List || key instanceof Dict) {
    throw new TemplateError(`unhashable type: '${typeName(key)}'`)
  }
  return key
}
