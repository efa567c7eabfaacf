/** `POST /v1/responses`, and reading and deleting what was kept of one. */
import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import {
  DeletedResponse,
  ResponseEvent,
  ResponseObject,
  ResponsesBody
} from '#shared/contracts/http/responses.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'
import type { AnswerParts } from '../../ask/answer-parts.ts'
import { enterContext, infer, type InferenceDeps } from '../../ask/inference.ts'
import { servedBy } from '../../infer/reply.ts'
import { ownerOf } from './owner.ts'
import { bodyCompiler, invalid, unsupported } from '../body.ts'
import { secondsNow } from '../reply-parts.ts'
import { ResponseEvents } from './events.ts'
import { outputMessages, toMessages } from './input.ts'
import { beginResponse, endResponse } from './reply.ts'
import { ResponseOutput } from './output.ts'
import { checkResponsesBody, readResponses, wantsLogprobs } from './request.ts'
import type { ResponseStore } from './store.ts'
import { answerReplies, errorReplies, haifHeaders } from '../route-schema.ts'
import { sendEvents } from '../../ask/send-events.ts'

const ID_BYTES = 24

const ResponseParams = Type.Object({ id: Type.String() })
type ResponseParams = Static<typeof ResponseParams>

export interface ResponsesDeps extends InferenceDeps {
  responses: ResponseStore
}

export function responsesRoutes(app: FastifyInstance, deps: ResponsesDeps): void {
  const { responses } = deps
  app.post<{ Body: ResponsesBody }>(
    '/v1/responses',
    { schema: createSchema, validatorCompiler: bodyCompiler(checkResponsesBody) },
    async (request, reply) => {
      const { body } = request
      const context = enterContext(deps, request, reply)
      const owner = await ownerOf(deps.gateways, context)
      const asked = readConversation(responses, body, owner)
      const wanted = readResponses(body, asked.history, asked.messages)
      const parts = infer(deps, [wanted], request, context)
      const begun = beginResponse({ id: newId('resp_'), createdAt: secondsNow() }, body)
      const complete = (output: ResponseOutput, end: InferenceEnd): ResponseObject => {
        output.finish(end.finishReason === 'length' ? 'incomplete' : 'completed')
        const response = endResponse(begun, output, end, secondsNow())
        if (!response.store) return response
        const conversation = [...asked.history, ...asked.messages, ...outputMessages(output.items)]
        responses.add(response, conversation, owner)
        return response
      }
      const withLogprobs = wantsLogprobs(body)
      if (body.stream === true) {
        const form = new ResponseEvents({ begun, newId, withLogprobs, complete })
        return sendEvents({ parts, form, context, request, reply, deps })
      }
      const output = new ResponseOutput({ emit: () => {}, newId, withLogprobs })
      const end = await readAll(parts, output)
      reply.headers(servedBy(end))
      return complete(output, end)
    }
  )

  storedRoutes(app, deps)
}

function storedRoutes(app: FastifyInstance, deps: ResponsesDeps): void {
  const { responses, gateways } = deps
  const ownerFor = (request: FastifyRequest, reply: FastifyReply) =>
    ownerOf(gateways, enterContext(deps, request, reply))

  app.get<{ Params: ResponseParams }>(
    '/v1/responses/:id',
    { schema: getSchema },
    async (request, reply) => {
      const { id } = request.params
      const stored = responses.get(id, await ownerFor(request, reply))
      if (stored === undefined) throw notKept(id)
      return stored.response
    }
  )

  app.delete<{ Params: ResponseParams }>(
    '/v1/responses/:id',
    { schema: deleteSchema },
    async (request, reply): Promise<Static<typeof DeletedResponse>> => {
      const { id } = request.params
      if (!responses.delete(id, await ownerFor(request, reply))) throw notKept(id)
      return { id, object: 'response', deleted: true }
    }
  )

  app.post<{ Params: ResponseParams }>(
    '/v1/responses/:id/cancel',
    { schema: { hide: true } },
    async (request, reply) => {
      const { id } = request.params
      if (responses.get(id, await ownerFor(request, reply)) === undefined) throw notKept(id)
      throw unsupported('background', 'only a response in the background can be cancelled')
    }
  )
}

/** The messages before this request, and those that it adds. */
function readConversation(
  responses: ResponseStore,
  body: ResponsesBody,
  owner: string
): { history: readonly ChatMessage[]; messages: readonly ChatMessage[] } {
  const messages = toMessages(body.input, (id) => responses.item(id, owner))
  const { previous_response_id: previous } = body
  if (previous === undefined) return { history: [], messages }
  const stored = responses.get(previous, owner)
  if (stored !== undefined) return { history: stored.messages, messages }
  throw invalid(
    'previous_response_id',
    `${previous} is not kept here (any more): send the whole conversation as input`
  )
}

async function readAll(parts: AnswerParts, output: ResponseOutput): Promise<InferenceEnd> {
  for await (const together of parts) {
    for (const part of together) {
      if (part.kind === 'end') return part.end
      output.add(part.item)
    }
  }
  throw new Error('the answer has no end')
}

const newId = (prefix: string): string => prefix + randomBytes(ID_BYTES).toString('hex')

const notKept = (id: string): HaifError =>
  new HaifError('NOT_FOUND', `${id.slice(0, 64)} is not kept here (any more)`, {
    details: { param: 'response_id' }
  })

const createSchema = {
  operationId: 'createResponse',
  tags: ['openai'],
  summary: 'Answer an input',
  description:
    'With `stream: true` the reply is a stream of named events. What fails after the first one is ' +
    'an `error` event, then `response.failed`.',
  headers: haifHeaders,
  body: ResponsesBody,
  response: answerReplies(ResponseObject, ResponseEvent)
}
const getSchema = {
  operationId: 'getResponse',
  tags: ['openai'],
  summary: 'Read a response that was kept',
  params: ResponseParams,
  response: { 200: ResponseObject, ...errorReplies }
}
const deleteSchema = {
  operationId: 'deleteResponse',
  tags: ['openai'],
  summary: 'Forget a response',
  params: ResponseParams,
  response: { 200: DeletedResponse, ...errorReplies }
}
