/**
 * Checks bodies of other vendors' endpoints: null counts as absent, unknown fields are ignored, and
 * what clients and other servers write in another form is brought into that of the contract first.
 */
import type { Static, TSchema } from 'typebox'
import { Compile } from '#shared/validator.ts'
import type { FastifySchemaCompiler } from 'fastify'
import { isFields, type Fields } from '../chat/past/calls.ts'
import { unsupported } from './refusal.ts'
import { asValidation, checkBody } from './validation.ts'

/** A field of OpenAI's that HAIF cannot honour. `unless` accepts values that ask for nothing. */
interface Refusal {
  why: string
  unless?: (value: unknown) => boolean
}
export type Refusals = Readonly<Record<string, Refusal>>

/** `opaque` names more fields that hold the client's own JSON; see `OPAQUE`. */
export function bodyChecker<Schema extends TSchema>(
  schema: Schema,
  mend: (fields: Fields) => Fields,
  opaque: ReadonlySet<string> = NONE
): (body: unknown) => Static<Schema> {
  const validator = Compile(schema)
  return (body) => {
    const fields = withoutNulls(body, opaque, true)
    return checkBody(validator, isFields(fields) ? mend(fields) : fields)
  }
}

const NONE: ReadonlySet<string> = new Set()

/** The validator of a route: it checks only the body, whatever else the schema describes. */
export const bodyCompiler =
  (check: (body: unknown) => unknown): FastifySchemaCompiler<unknown> =>
  ({ httpPart }) =>
    httpPart === 'body' ? asValidation(check) : () => true

export function refuseFields(body: Fields, refusals: Refusals): Fields {
  for (const [param, { why, unless }] of Object.entries(refusals)) {
    if (!Object.hasOwn(body, param)) continue
    if (unless?.(body[param]) === true) continue
    throw unsupported(param, `${param} is not supported: ${why}`)
  }
  return body
}

/** Fields that hold the client's own JSON, in which null is a value. */
const OPAQUE: ReadonlySet<string> = new Set([
  'schema',
  'parameters',
  'arguments',
  'metadata',
  'chat_template_kwargs'
])
/** The same, of those that are schemas only where they stand beside the model. */
const OPAQUE_FIRST: ReadonlySet<string> = new Set([
  'guided_json',
  'json_schema',
  'format',
  'structured_outputs'
])

/** Clients write null for what they do not set. The body is nested 64 levels at most. */
function withoutNulls(value: unknown, opaque: ReadonlySet<string>, isBody = false): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((inner) => withoutNulls(inner, opaque))
  const isOpaque = (name: string) =>
    OPAQUE.has(name) || opaque.has(name) || (isBody && OPAQUE_FIRST.has(name))
  const fields = Object.entries(value).filter(([, inner]) => inner !== null)
  return Object.fromEntries(
    fields.map(([name, inner]) => [name, isOpaque(name) ? inner : withoutNulls(inner, opaque)])
  )
}
