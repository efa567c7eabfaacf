/** Checks bodies of OpenAI's endpoints: null counts as absent, unknown fields are ignored. */
import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { FastifySchemaCompiler } from 'fastify'
import { HaifError } from '#shared/errors.ts'
import { asValidation, checkBody } from '../http/validation.ts'

/** A field of OpenAI's that HAIF cannot honour. `unless` accepts values that ask for nothing. */
export interface Refusal {
  why: string
  unless?: (value: unknown) => boolean
}
export type Refusals = Readonly<Record<string, Refusal>>

export function bodyChecker<Schema extends TSchema>(
  schema: Schema,
  refusals: Refusals
): (body: unknown) => Static<Schema> {
  const validator = Compile(schema)
  return (body) => {
    const fields = withoutNulls(body)
    refuseFields(fields, refusals)
    return checkBody(validator, fields)
  }
}

/** The validator of a route: it checks only the body, whatever else the schema describes. */
export const bodyCompiler =
  (check: (body: unknown) => unknown): FastifySchemaCompiler<unknown> =>
  ({ httpPart }) =>
    httpPart === 'body' ? asValidation(check) : () => true

function refuseFields(body: unknown, refusals: Refusals): void {
  if (typeof body !== 'object' || body === null) return
  for (const [param, { why, unless }] of Object.entries(refusals)) {
    if (!Object.hasOwn(body, param)) continue
    if (unless?.((body as Record<string, unknown>)[param]) === true) continue
    throw unsupported(param, `${param} is not supported: ${why}`)
  }
}

export const unsupported = (param: string, message: string): HaifError =>
  new HaifError('UNSUPPORTED_PARAMETER', message, { details: { param } })

export const invalid = (param: string, message: string): HaifError =>
  new HaifError('VALIDATION_FAILED', message, { details: { param } })

/** Fields that hold the client's own JSON, in which null is a value. */
const OPAQUE: ReadonlySet<string> = new Set(['schema', 'parameters', 'metadata'])

/** Clients write null for what they do not set. The body is nested 64 levels at most. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(withoutNulls)
  const fields = Object.entries(value).filter(([, inner]) => inner !== null)
  return Object.fromEntries(
    fields.map(([name, inner]) => [name, OPAQUE.has(name) ? inner : withoutNulls(inner)])
  )
}
