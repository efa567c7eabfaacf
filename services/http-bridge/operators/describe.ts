/** How operators' routes appear in `/openapi.json`, which also checks their bodies. */
import type { RouteShorthandOptions } from 'fastify'
import type { TObject } from 'typebox'
import { ErrorBody } from '#shared/contracts/http/error.ts'
import { snakeSchema } from './snake-case.ts'

export function describe(
  summary: string,
  answer: TObject,
  body?: TObject,
  status = 200
): RouteShorthandOptions {
  const failures = { 401: ErrorBody, 403: ErrorBody, 404: ErrorBody }
  const schema = {
    tags: ['admin'],
    summary,
    security: [{ token: [] }],
    response: { [status]: snakeSchema(answer), ...failures }
  }
  return { schema: body === undefined ? schema : { ...schema, body: snakeSchema(body) } }
}
