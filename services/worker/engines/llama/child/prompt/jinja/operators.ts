/** Operators, members, items and slices, with Python's rules for each type. */
import type { Comparison, Operator } from './ast.ts'
import { formatPercent } from './format.ts'
import { methodOf } from './methods.ts'
import {
  characterAt,
  charactersOf,
  concat,
  isStr,
  lengthOf,
  raw,
  slice,
  sum,
  type Str
} from './text.ts'
import {
  areEqual,
  compare,
  Dict,
  float,
  type Float,
  isFloat,
  isNumber,
  List,
  Members,
  NONE,
  numberOf,
  TemplateError,
  typeName,
  Undefined,
  type Value
} from './values.ts'

/** Characters or items that one operation may make: a template that repeats a text is no bomb. */
const SIZE_MAX = 64 * 1024 * 1024

export function operate(operator: Operator, left: Value, right: Value): Value {
  if (operator === '%' && isStr(left)) return formatPercent(left, right)
  if (isSum(left) && isSum(right)) return calculate(operator, left, right)
  if (operator === '+') {
    if (isStr(left) && isStr(right)) return sum(left, right)
    if (left instanceof List && right instanceof List && left.isTuple === right.isTuple) {
      return new List([...left.items, ...right.items], left.isTuple)
    }
  }
  if (operator === '*' && typeof right === 'number') return repeated(left, right)
  if (operator === '*' && typeof left === 'number') return repeated(right, left)
  for (const value of [left, right]) assertDefined(value)
  throw new TemplateError(
    `unsupported operand types for ${operator}: '${typeName(left)}' and '${typeName(right)}'`
  )
}

type Numeric = number | bigint | Float | boolean

const isSum = (value: Value): value is Numeric => isNumber(value) || typeof value === 'boolean'

function calculate(operator: Operator, left: Numeric, right: Numeric): Value {
  if (isFloat(left) || isFloat(right) || operator === '/') {
    return float(calculated(operator, numberOf(left), numberOf(right)))
  }
  const result = calculated(operator, numberOf(left), numberOf(right))
  if (Number.isSafeInteger(result)) return result
  return wholeOf(operator, BigInt(numberOf(left)), BigInt(numberOf(right)))
}

function calculated(operator: Operator, left: number, right: number): number {
  if (right === 0 && (operator === '/' || operator === '//' || operator === '%')) {
    throw new TemplateError('division by zero')
  }
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
      return left / right
    case '//':
      return Math.floor(left / right)
    case '%':
      return left - right * Math.floor(left / right)
    case '**':
      return left ** right
  }
}

const EXPONENT_MAX = 1024n

function wholeOf(operator: Operator, left: bigint, right: bigint): Value {
  if (operator === '+') return left + right
  if (operator === '-') return left - right
  if (operator === '*') return left * right
  if (operator === '**' && right >= 0n && right <= EXPONENT_MAX) return left ** right
  throw new TemplateError(`${operator} of numbers that large`)
}

function repeated(value: Value, times: number): Value {
  const count = Math.max(0, times)
  if (isStr(value)) {
    assertSize(raw(value).length * count)
    return typeof value === 'string'
      ? value.repeat(count)
      : concat(Array.from({ length: count }, () => value))
  }
  if (!(value instanceof List)) throw new TemplateError(`can't multiply ${typeName(value)}`)
  assertSize(value.items.length * count)
  return new List(Array.from({ length: count }, () => value.items).flat(), value.isTuple)
}

export function assertSize(size: number): void {
  if (size > SIZE_MAX) throw new TemplateError('the template makes a value that is too large')
}

export function holds(comparison: Comparison, left: Value, right: Value): boolean {
  switch (comparison) {
    case '==':
      return areEqual(left, right)
    case '!=':
      return !areEqual(left, right)
    case '<':
      return compare(left, right) < 0
    case '<=':
      return compare(left, right) <= 0
    case '>':
      return compare(left, right) > 0
    case '>=':
      return compare(left, right) >= 0
    case 'in':
      return contains(right, left)
    case 'not in':
      return !contains(right, left)
  }
}

export function contains(whole: Value, part: Value): boolean {
  if (isStr(whole)) {
    if (isStr(part)) return raw(whole).includes(raw(part))
    throw new TemplateError(`'in <string>' requires string, not ${typeName(part)}`)
  }
  if (whole instanceof Dict) return whole.has(part)
  return itemsOf(whole).some((item) => areEqual(item, part))
}

/** What a loop goes through. */
export function itemsOf(value: Value): readonly Value[] {
  if (value instanceof List) return value.items
  if (value instanceof Dict) return value.keys()
  if (isStr(value)) return charactersOf(value)
  if (value instanceof Undefined) return []
  throw new TemplateError(`'${typeName(value)}' object is not iterable`)
}

export function sizeOf(value: Value): number {
  if (isStr(value)) return lengthOf(value)
  if (value instanceof List) return value.items.length
  if (value instanceof Dict) return value.size
  if (value instanceof Undefined) return 0
  throw new TemplateError(`object of type '${typeName(value)}' has no len()`)
}

/** `value.name`: a method before a key of that name, as Jinja2 looks them up. */
export function attributeOf(value: Value, name: string): Value {
  assertDefined(value)
  if (value instanceof Members) return value.get(name) ?? missing(value, name)
  const method = methodOf(value, name)
  if (method !== null) return method
  return (value instanceof Dict ? value.get(name) : undefined) ?? missing(value, name)
}

/** `value[key]`: a key before a method of that name. */
export function itemOf(value: Value, key: Value): Value {
  assertDefined(value)
  if (value instanceof Dict) {
    const item = value.get(key)
    if (item !== undefined) return item
  }
  if (typeof key === 'number' && (value instanceof List || isStr(value))) {
    const items = value instanceof List ? value.items : null
    const at = key < 0 ? key + sizeOf(value) : key
    const item = items === null ? characterIn(value as Str, at) : items[at]
    return item ?? missing(value, String(key))
  }
  return isStr(key) ? attributeOf(value, raw(key)) : missing(value, typeName(key))
}

function characterIn(text: Str, index: number): Str | undefined {
  if (index < 0) return undefined
  const character = slice(text, characterAt(text, index), characterAt(text, index + 1))
  return raw(character) === '' ? undefined : character
}

export function sliceOf(value: Value, bounds: readonly (Value | null)[]): Value {
  assertDefined(value)
  const [from = null, to = null, step = null] = bounds.map((bound) =>
    bound === null ? null : wholeNumber(bound)
  )
  if (step === 0) throw new TemplateError('slice step cannot be zero')
  if (isStr(value) && (step === null || step === 1)) {
    const size = lengthOf(value)
    const [start, end] = [clamp(from ?? 0, size), clamp(to ?? size, size)]
    return slice(value, characterAt(value, start), characterAt(value, Math.max(start, end)))
  }
  if (!isStr(value) && !(value instanceof List)) {
    throw new TemplateError(`'${typeName(value)}' object is not subscriptable`)
  }
  const items = stepped(itemsOf(value), from, to, step ?? 1)
  return isStr(value) ? concat(items as Str[]) : new List(items, value.isTuple)
}

function stepped(
  items: readonly Value[],
  from: number | null,
  to: number | null,
  step: number
): Value[] {
  const size = items.length
  if (step > 0) {
    const [start, end] = [clamp(from ?? 0, size), clamp(to ?? size, size)]
    const part = items.slice(start, Math.max(start, end))
    return step === 1 ? part : part.filter((_, i) => i % step === 0)
  }
  const first = from === null ? size - 1 : Math.min(from < 0 ? from + size : from, size - 1)
  const last = to === null ? -1 : Math.max(to < 0 ? to + size : to, -1)
  const picked: Value[] = []
  for (let i = first; i > last && i >= 0; i += step) picked.push(items[i]!)
  return picked
}

const clamp = (index: number, size: number) =>
  Math.min(Math.max(index < 0 ? index + size : index, 0), size)

function wholeNumber(value: Value): number | null {
  if (value === NONE) return null
  if (isSum(value) && !isFloat(value)) return numberOf(value)
  throw new TemplateError('slice indices must be integers or None')
}

const missing = (value: Value, name: string): Undefined =>
  new Undefined(`'${typeName(value)} object' has no attribute '${name}'`)

/** Everything but printing, testing and looping fails on an undefined value. */
function assertDefined(value: Value): void {
  if (value instanceof Undefined) throw new TemplateError(value.message)
}
