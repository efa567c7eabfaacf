/**
 * Checks bodies as they are: nothing is converted, so `"5"` is not a number. The error is one
 * sentence about one field.
 */
import type { FastifySchemaCompiler } from 'fastify'
import type { Static, TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import type { TLocalizedValidationError as SchemaError } from 'typebox/error'
import { HaifError } from '#shared/errors.ts'

const NAME_CHARACTERS_MAX = 64

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
  validator: Validator<{}, Schema>,
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
  const error = choice === undefined ? errors[0] : withinChoice(errors, choice)
  if (error === undefined) return { param: '', problem: 'is malformed' }
  if (error.keyword !== 'required') return { param: pathOf(error), problem: problemOf(error) }
  const names = [pathOf(error), error.params.requiredProperties[0]]
  return { param: names.filter(Boolean).join('.'), problem: 'is missing' }
}

/** An alternative that fails only inside gives a better message than "none fits". */
function withinChoice(errors: readonly SchemaError[], choice: SchemaError): SchemaError {
  const path = choice.instancePath
  const alternatives = errors.filter(
    ({ keyword, instancePath }) => keyword !== 'anyOf' && `${instancePath}/`.startsWith(`${path}/`)
  )
  const precise = alternatives.find(
    ({ keyword, instancePath }) => instancePath !== path || !['type', 'const'].includes(keyword)
  )
  const wanted = alternatives.map((error) => wantedBy(error))
  return precise ?? { ...choice, message: `must be ${wanted.join(' or ')}` }
}

function problemOf(error: SchemaError): string {
  if (error.keyword === 'type' && error.instancePath === '') return 'must be a JSON object'
  if (error.keyword === 'const') return `must be ${wantedBy(error)}`
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
