/**
 * Bodies of jobs: the contracts of the mesh in snake_case, with times as ISO 8601, as people and
 * programs of other systems read them.
 */
import { Type, type TObject, type TSchema } from 'typebox'
import { FlatErrorBody } from '#shared/contracts/http/error.ts'
import { snakeSchema, toSnake } from '../operators/snake-case.ts'

/** Fields of the contracts of jobs that are moments. */
const TIMES = /(_at|^lease_expires)$/
const Moment = Type.String({ format: 'date-time' })

/** Of replies; what is asked has its times in queries, as any date. */
export function replySchema(schema: TObject): TObject {
  return dated(snakeSchema(schema)) as TObject
}

export function replyBody(schema: TObject, value: unknown): unknown {
  return withDates(toSnake(schema, value))
}

function dated(schema: TSchema): TSchema {
  const node = schema as { items?: TSchema; properties?: Record<string, TSchema> }
  if (node.items !== undefined) return optionalAs(schema, Type.Array(dated(node.items)))
  if (node.properties === undefined) return schema
  const entries = Object.entries(node.properties)
  return optionalAs(
    schema,
    Type.Object(
      Object.fromEntries(
        entries.map(([name, inner]) => [
          name,
          TIMES.test(name) ? optionalAs(inner, Moment) : dated(inner)
        ])
      )
    )
  )
}

const optionalAs = (from: TSchema, to: TSchema): TSchema =>
  '~optional' in from ? Type.Optional(to) : to

/** Outputs of tasks are whatever they are, and not looked into. */
function withDates(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withDates)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      if (name === 'output' || name === 'result') return [name, inner]
      const isTime = TIMES.test(name) && typeof inner === 'number'
      return [name, isTime ? new Date(inner).toISOString() : withDates(inner)]
    })
  )
}

const error = (description: string) => ({
  description,
  content: { 'application/json': { schema: FlatErrorBody } }
})

export const failures = {
  400: error('The request does not fit the contract, or the graph cannot end.'),
  401: error('A token is needed.'),
  403: error('The token, or the policy, does not allow it; `details.rule` names the rule.'),
  404: error('There is no such job, or it belongs to another tenant.'),
  409: error('The state of the job does not allow it.'),
  413: error('An input is over 1 MiB, or all of them over 3 MiB.'),
  429: error('Too many; wait for `Retry-After`.'),
  503: error('No jobs service, or its database, can be reached; wait for `Retry-After`.')
}

export const security = [{ token: [] }]
