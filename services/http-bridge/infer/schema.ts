/** The description of `POST /infer` in `/openapi.json`. */
import { Type } from 'typebox'
import { ErrorBody } from '#shared/contracts/http/error.ts'
import {
  NativeInferBody,
  NativeInferReply,
  VersionedInferBody,
  VersionedInferReply
} from '#shared/contracts/http/infer.ts'

const error = (description: string) => ({
  description,
  content: { 'application/json': { schema: ErrorBody } }
})

export const inferSchema = {
  operationId: 'infer',
  tags: ['inference'],
  summary: 'Answer a prompt',
  description:
    'With `stream: true` or `Accept: text/event-stream` the reply is a stream of server-sent ' +
    'events: `token` events with `{text, index}`, then one `done` event with everything that the ' +
    'JSON reply has except `output`, and timings. What fails after the first event ends the ' +
    'stream with an `error` event that carries the error object.',
  headers: Type.Object({
    'x-request-id': Type.Optional(
      Type.String({ description: 'Up to 64 letters, digits, `.`, `_` or `-`; else one is made.' })
    ),
    'x-haif-timeout-ms': Type.Optional(
      Type.Integer({ description: 'Shortens the time that the request may take.' })
    ),
    'idempotency-key': Type.Optional(
      Type.String({
        maxLength: 128,
        description: 'A repeated request with the same key gets the answer of the first one.'
      })
    ),
    'x-haif-explain': Type.Optional(
      Type.String({ description: '`1`: the reply says why each worker was chosen.' })
    ),
    'x-haif-queue': Type.Optional(
      Type.String({ description: '`1`: a stream has `queued` events with its place in the queue.' })
    ),
    traceparent: Type.Optional(Type.String({ description: 'W3C trace context.' }))
  }),
  body: Type.Union([NativeInferBody, VersionedInferBody]),
  response: {
    200: {
      description: 'The answer.',
      content: {
        'application/json': { schema: Type.Union([NativeInferReply, VersionedInferReply]) },
        'text/event-stream': {
          schema: Type.String({
            description: 'Events `queued` (if asked for), `token`, `done` and `error`.',
            examples: ['event: token\ndata: {"text":"Hello","index":0}\n\n']
          })
        }
      }
    },
    400: error('The body does not fit the contract.'),
    404: error('No worker holds the model.'),
    409: error('The `Idempotency-Key` was used with another request.'),
    413: error('The body or the prompt is too long.'),
    415: error('The body is not JSON.'),
    422: error('A body with `api_version` does not fit the contract.'),
    429: error('The caller has too many requests running; wait for `Retry-After`.'),
    502: error('A worker or a peer was lost.'),
    503: error('Nothing can answer now; wait for `Retry-After`.'),
    504: error('The time of the request has run out.')
  }
}
