/** `POST /infer`: one request through the mesh, answered as JSON or token by token. */
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchemaCompiler } from 'fastify'
import type { InferBody, TokenEvent } from '#shared/contracts/http/infer.ts'
import type { AnswerParts } from '../ask/answer-parts.ts'
import { errorBody } from '../http/errors.ts'
import { checkInferBody, readInfer, type InferCall } from './request.ts'
import { doneReply, nativeReply, queuedEvent, servedBy, versionedReply } from './reply.ts'
import { enterContext, infer, type InferenceDeps } from '../ask/inference.ts'
import { acceptsEvents } from '../http/request-headers.ts'
import { sendEvents, type EventForm } from '../ask/send-answer.ts'
import { asValidation } from '../http/validation.ts'
import { inferSchema } from './schema.ts'

export function inferRoute(app: FastifyInstance, deps: InferenceDeps): void {
  app.post<{ Body: InferBody }>(
    '/infer',
    { schema: inferSchema, validatorCompiler },
    async (request, reply) => {
      const call = readInfer(request.body)
      const context = enterContext(deps, request, reply)
      const parts = infer(deps, [call.request], request, context)
      if (!(call.stream ?? acceptsEvents(request.headers))) {
        return sendJson(parts, call, request, reply)
      }
      const form = eventsFor(call, request.id)
      return sendEvents({ parts, form, context, request, reply, deps })
    }
  )
}

/** The schema of the headers only documents them: `request-headers.ts` reads them. */
const validatorCompiler: FastifySchemaCompiler<unknown> = ({ httpPart }) =>
  httpPart === 'body' ? asValidation(checkInferBody) : () => true

async function sendJson(
  parts: AnswerParts,
  call: InferCall,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<unknown> {
  let output = ''
  let reasoning = ''
  for await (const together of parts) {
    for (const part of together) {
      if (part.kind === 'item') {
        output += part.item.text
        reasoning += part.item.reasoning ?? ''
        continue
      }
      const answered = { call, end: part.end, requestId: request.id }
      reply.headers(servedBy(part.end))
      return call.body === 'versioned'
        ? versionedReply(answered, output)
        : nativeReply(answered, output, reasoning)
    }
  }
  throw new Error('the answer has no end')
}

/** Writes `queued` (if asked for), `token`, and `done` or `error` events. */
const eventsFor = (call: InferCall, requestId: string): EventForm => ({
  part(part, events) {
    if (part.kind === 'end') {
      events.event('done', doneReply({ call, end: part.end, requestId }))
      return
    }
    const { item } = part
    if (item.queued !== undefined) events.event('queued', queuedEvent(item.queued))
    const token: TokenEvent = { text: item.text, index: item.seq }
    if (item.reasoning !== undefined) token.reasoning = item.reasoning
    if (token.text !== '' || token.reasoning !== undefined) events.event('token', token)
  },
  failure({ error }, events) {
    events.event('error', errorBody(error, requestId))
  }
})
