/** The common parts of OpenAI's endpoints in `/openapi.json`. */
import { Type, type TSchema } from 'typebox'
import { OpenAiErrorBody } from '#shared/contracts/http/openai-error.ts'

const error = (description: string) => ({
  description,
  content: { 'application/json': { schema: OpenAiErrorBody } }
})

export const haifHeaders = Type.Object({
  authorization: Type.Optional(Type.String({ description: '`Bearer …`; any value is accepted.' })),
  'idempotency-key': Type.Optional(
    Type.String({
      maxLength: 128,
      description: 'A repeated request with the same key gets the answer of the first one.'
    })
  ),
  'x-request-id': Type.Optional(
    Type.String({ description: 'Up to 64 letters, digits, `.`, `_` or `-`; else one is made.' })
  ),
  'x-haif-timeout-ms': Type.Optional(
    Type.Integer({ description: 'Shortens the time that the request may take.' })
  ),
  'x-haif-explain': Type.Optional(
    Type.String({ description: '`1`: the reply says why each worker was chosen.' })
  ),
  'x-haif-queue': Type.Optional(
    Type.String({ description: '`1`: a stream has comments with the place in the queue.' })
  )
})

export const errorReplies = {
  400: error('The body does not fit the contract, or asks for what cannot be done: see `param`.'),
  401: error('The token is missing or wrong.'),
  403: error('The token does not allow this.'),
  404: error('There is no such model, or no such object.'),
  409: error('The `Idempotency-Key` was used with another request.'),
  413: error('The body is too long.'),
  415: error('The body is not JSON.'),
  429: error('Too many requests; wait for `Retry-After`.'),
  500: error('A bug; the log has it under the request id.'),
  502: error('A worker or a peer was lost.'),
  503: error('Nothing can answer now; wait for `Retry-After`.'),
  504: error('The time of the request has run out.')
}

/** Describes a 200 with a JSON body, and with events where there is a stream. */
export function answerReplies(reply: TSchema, events?: TSchema) {
  const content: Record<string, { schema: TSchema }> = { 'application/json': { schema: reply } }
  if (events !== undefined) content['text/event-stream'] = { schema: events }
  return { 200: { description: 'The answer.', content }, ...errorReplies }
}
