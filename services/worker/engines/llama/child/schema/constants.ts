/** The values of `enum` and `const`: each as JSON, in one spelling but for spaces. */
import { regularTest } from './pattern/regular-test.ts'
import { typeOf } from './apart.ts'
import type { Conjunction } from './conjunction.ts'
import { choice, literal, sequence } from './gbnf.ts'

export function constantExpression(value: unknown, space: string): string {
  if (typeof value !== 'object' || value === null) return literal(JSON.stringify(value))
  const parts = Array.isArray(value)
    ? value.map((item) => constantExpression(item, space))
    : Object.entries(value).map(([name, item]) =>
        sequence(literal(`${JSON.stringify(name)}:`), space, constantExpression(item, space))
      )
  const [open, close] = Array.isArray(value) ? ['"["', '"]"'] : ['"{"', '"}"']
  const [first = '', ...others] = parts
  const rest = others.flatMap((part) => ['","', space, part])
  return parts.length === 0
    ? sequence(open, close)
    : sequence(open, space, first, ...rest, space, close)
}

export function constantsExpression(values: readonly unknown[], space: string): string {
  return choice(...values.map((value) => constantExpression(value, space)))
}

/** Those of the values that also meet what else is asked of plain values. */
export function fittingValues(conjunction: Conjunction): readonly unknown[] {
  const { values = [], types } = conjunction
  return values.filter((value) => {
    const type = typeOf(value)
    const isOfType =
      types === undefined ||
      types.includes(type) ||
      (type === 'integer' && types.includes('number'))
    if (!isOfType) return false
    if (typeof value === 'number') return fitsNumber(value, conjunction)
    return typeof value !== 'string' || fitsText(value, conjunction)
  })
}

function fitsNumber(value: number, conjunction: Conjunction): boolean {
  const { minimum = -Infinity, maximum = Infinity } = conjunction
  const { exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = conjunction
  return (
    value >= minimum &&
    value <= maximum &&
    (value > exclusiveMinimum || exclusiveMinimum === -Infinity) &&
    (value < exclusiveMaximum || exclusiveMaximum === Infinity)
  )
}

function fitsText(value: string, conjunction: Conjunction): boolean {
  const { minLength = 0, maxLength = Infinity, patterns = [] } = conjunction
  const { length } = Array.from(value)
  return (
    length >= minLength &&
    length <= maxLength &&
    patterns.every((pattern) => regularTest(pattern, value) !== false)
  )
}
