/** Jinja2's tests: `x is defined`, `x is string`, `x is in list`. */
import { contains, holds } from './operators.ts'
import { isStr, raw } from './text.ts'
import {
  Callable,
  Dict,
  isFloat,
  isNumber,
  List,
  NONE,
  numberOf,
  TemplateError,
  textOfValue,
  typeName,
  Undefined,
  type Given,
  type Value
} from './values.ts'

type Check = (value: Value, other: Value) => boolean

/** Throws for an unknown test. */
export function check(name: string, value: Value, { args, named }: Given): boolean {
  const test = CHECKS.get(name)
  if (test === undefined) throw new TemplateError(`no test named '${name}'`)
  return test(value, args[0] ?? [...named.values()][0] ?? NONE)
}

const number = (value: Value): number => {
  if (isNumber(value) || typeof value === 'boolean') return numberOf(value)
  throw new TemplateError(`a number is required, not ${typeName(value)}`)
}
const same: Check = (a, b) =>
  a === b || (isStr(a) && isStr(b) && raw(a) === raw(b)) || (isNumber(a) && holds('==', a, b))
const isIterable = (value: Value) =>
  isStr(value) || value instanceof List || value instanceof Dict || value instanceof Undefined

const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['defined', (value) => !(value instanceof Undefined)],
  ['undefined', (value) => value instanceof Undefined],
  ['none', (value) => value === NONE],
  ['boolean', (value) => typeof value === 'boolean'],
  ['true', (value) => value === true],
  ['false', (value) => value === false],
  ['string', (value) => isStr(value)],
  ['number', (value) => isNumber(value) || typeof value === 'boolean'],
  ['integer', (value) => isNumber(value) && !isFloat(value)],
  ['float', (value) => isFloat(value)],
  ['mapping', (value) => value instanceof Dict],
  ['iterable', isIterable],
  ['sequence', isIterable],
  ['callable', (value) => value instanceof Callable],
  ['odd', (value) => number(value) % 2 !== 0],
  ['even', (value) => number(value) % 2 === 0],
  ['divisibleby', (value, other) => number(value) % number(other) === 0],
  ['lower', (value) => isCased(value, (text) => text.toLowerCase())],
  ['upper', (value) => isCased(value, (text) => text.toUpperCase())],
  ['escaped', () => false],
  ['sameas', same],
  ['in', (value, other) => contains(other, value)],
  ...(
    [
      ['==', 'eq', 'equalto'],
      ['!=', 'ne'],
      ['<', 'lt', 'lessthan'],
      ['<=', 'le'],
      ['>', 'gt', 'greaterthan'],
      ['>=', 'ge']
    ] as const
  ).flatMap(([comparison, ...names]) =>
    [comparison, ...names].map((name): [string, Check] => [
      name,
      (value, other) => holds(comparison, value, other)
    ])
  )
])

function isCased(value: Value, change: (text: string) => string): boolean {
  const text = raw(textOfValue(value))
  return /[\p{Lu}\p{Ll}]/u.test(text) && text === change(text)
}
