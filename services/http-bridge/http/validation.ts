/**
 * Checks bodies as they are: nothing is converted, so `"5"` is not a number. The error is one
 * sentence about one field.
 */
import type { FastifySchemaCompiler } from 'fastify'
import type { Static, TSchema } from 'typebox'
import { Compile, type Validator } from '#shared/validator.ts'
import type { TLocalizedValidationError as SchemaError } from 'typebox/error'
import { Settings } from 'typebox/system'
import { HaifError } from '#shared/errors.ts'

const NAME_CHARACTERS_MAX = 64
/** The library stops at 8, which is less than the alternatives of some fields have. */
Settings.Set({ maxErrors: 64 })

/** Replaces fastify's own compiler, which would convert types. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema }) => {
  const validator = Compile(schema)
  return asValidation((value) => checkBody(validator, value))
}

/** Turns a check that throws into the form that fastify calls. */
export function asValidation(check: (value: unknown) => unknown) {
  return (value: unknown): { value: unknown } | { error: Error } => {
    try {
      return { value: check(value) }
    } catch (error) {
      return { error: error as Error }
    }
  }
}

export function checkBody<Schema extends TSchema>(
  validator: Validator<Schema>,
  body: unknown
): Static<Schema> {
  if (validator.Check(body)) return body
  const { param, problem } = explain(validator.Errors(body))
  const message = param === '' ? `the body ${problem}` : `${param} ${problem}`
  throw new HaifError('VALIDATION_FAILED', message, { details: { param } })
}

function explain(errors: readonly SchemaError[]): { param: string; problem: string } {
  const unknown = errors.find(({ keyword }) => keyword === 'boolean')
  if (unknown !== undefined) return { param: pathOf(unknown), problem: 'is not a known field' }
  const choice = errors.find(({ keyword }) => keyword === 'anyOf')
  if (choice !== undefined) return explainChoice(errors, choice)
  const [error] = errors
  if (error === undefined) return { param: '', problem: 'is malformed' }
  if (error.keyword !== 'required') return { param: pathOf(error), problem: problemOf(error) }
  const names = [pathOf(error), error.params.requiredProperties[0]]
  return { param: names.filter(Boolean).join('.'), problem: 'is missing' }
}

/**
 * Explains by the alternative that is meant: the one whose tag, such as `type`, fits, or that takes
 * values of this kind. Where none is, the tags or the kinds that there are.
 */
function explainChoice(
  errors: readonly SchemaError[],
  choice: SchemaError
): { param: string; problem: string } {
  const alternatives = alternativesOf(errors, choice)
  const meant = alternatives.find((one) => !one.some((error) => isOther(error, choice)))
  if (meant !== undefined) return explain(meant)
  const others = alternatives.flat().filter((error) => isOther(error, choice))
  const tags = others.filter(({ instancePath }) => instancePath !== choice.instancePath)
  const named = tags.filter(({ keyword }) => keyword === 'const')
  const shown = named.length > 0 ? named : others
  const wanted = new Set(shown.map((error) => wantedBy(error)))
  if (shown.some(({ keyword }) => keyword === 'const')) wanted.delete('string') // it says which
  return { param: pathOf(shown[0] ?? choice), problem: `must be ${[...wanted].join(' or ')}` }
}

/** The errors of each alternative that has any. */
function alternativesOf(errors: readonly SchemaError[], choice: SchemaError): SchemaError[][] {
  const inside = `${choice.schemaPath}/anyOf/`
  const groups = new Map<string, SchemaError[]>()
  for (const error of errors) {
    if (!error.schemaPath.startsWith(inside)) continue
    const nth = error.schemaPath.slice(inside.length).split('/', 1)[0]!
    groups.set(nth, [...(groups.get(nth) ?? []), error])
  }
  return [...groups.values()]
}

/** True when the error shows that another alternative is meant. */
function isOther({ keyword, instancePath }: SchemaError, choice: SchemaError): boolean {
  if (instancePath === choice.instancePath) return keyword === 'type' || keyword === 'const'
  const field = instancePath.slice(choice.instancePath.length + 1)
  if (field.includes('/')) return false
  return keyword === 'const' || (keyword === 'pattern' && field === 'type')
}

function problemOf(error: SchemaError): string {
  if (error.keyword === 'type' && error.instancePath === '') return 'must be a JSON object'
  if (error.keyword === 'const') return `must be ${wantedBy(error)}`
  if (error.keyword === 'enum') {
    return `must be ${error.params.allowedValues.map((value) => JSON.stringify(value)).join(' or ')}`
  }
  return sizeProblem(error) ?? error.message
}

/** Our own words, because the library writes "1 characters". */
function sizeProblem(error: SchemaError): string | undefined {
  const { keyword } = error
  if (keyword === 'minLength' || keyword === 'minItems') {
    return error.params.limit === 1 ? 'must not be empty' : undefined
  }
  if (keyword === 'maxLength') return `must have at most ${error.params.limit} characters`
  if (keyword === 'maxItems') return `must have at most ${error.params.limit} items`
  if (keyword === 'maxProperties') return `must have at most ${error.params.limit} fields`
  return undefined
}

function wantedBy(error: SchemaError): string {
  if (error.keyword === 'type') return String(error.params.type)
  return error.keyword === 'const' ? JSON.stringify(error.params.allowedValue) : error.message
}

/** The path of a field, such as `messages.0.role`. */
function pathOf({ instancePath }: SchemaError): string {
  return instancePath.slice(1).replaceAll('/', '.').slice(0, NAME_CHARACTERS_MAX)
}
