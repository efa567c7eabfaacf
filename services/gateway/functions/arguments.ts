/** Whether the arguments of a run fit the inputs of its object. Pure. */
import type { Port } from '#shared/contracts/functions/bundle.ts'
import { HaifError } from '#shared/errors.ts'

type Arguments = Readonly<Record<string, unknown>>

/** Those that are missing get their defaults. Throws VALIDATION_FAILED. */
export function fittingArguments(inputs: readonly Port[], given: Arguments): Arguments {
  const known = new Set(inputs.map(({ name }) => name))
  const unknown = Object.keys(given).find((name) => !known.has(name))
  if (unknown !== undefined) {
    const names = inputs.map(({ name }) => name).join(', ') || 'nothing'
    throw invalid(unknown, `is no input: it takes ${names}`)
  }
  const entries = inputs.flatMap(({ name, type, optional = false, ...port }) => {
    if (Object.hasOwn(given, name)) {
      assertType(name, type, given[name])
      return [[name, given[name]]]
    }
    if (!optional) throw invalid(name, `is missing${type === undefined ? '' : `: a ${type}`}`)
    return Object.hasOwn(port, 'default') ? [[name, port.default]] : []
  })
  return Object.fromEntries(entries) as Arguments
}

/** Types that JSON has, too; others are the function's own to look at. */
const CHECKS: Readonly<Record<string, (value: unknown) => boolean>> = {
  int: (value) => Number.isInteger(value),
  float: (value) => typeof value === 'number',
  number: (value) => typeof value === 'number',
  str: (value) => typeof value === 'string',
  string: (value) => typeof value === 'string',
  bool: (value) => typeof value === 'boolean',
  boolean: (value) => typeof value === 'boolean',
  list: Array.isArray,
  dict: (value) => typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A reference to what another node puts out has whatever type it has then. */
function assertType(name: string, type: string | undefined, value: unknown): void {
  const kind = /^[A-Za-z]+/.exec(type ?? '')?.[0] ?? ''
  if (!Object.hasOwn(CHECKS, kind) || type!.includes('|') || isReference(value)) return
  if (!CHECKS[kind]!(value)) throw invalid(name, `is no ${type}`)
}

const isReference = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (Object.hasOwn(value, '$artifact') || Object.hasOwn(value, '$from'))

function invalid(name: string, problem: string): HaifError {
  return new HaifError('VALIDATION_FAILED', `arguments.${name} ${problem}`, {
    details: { param: `arguments.${name}` }
  })
}
