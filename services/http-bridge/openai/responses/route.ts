/** `POST /v1/responses`. */
import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { ResponseEvent, ResponseObject, ResponsesBody } from '#shared/contracts/http/responses.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import type { AnswerParts } from '../../ask/answer-parts.ts'
import { enterContext, infer } from '../../ask/inference.ts'
import { servedBy } from '../../infer/reply.ts'
import { ownerOf, storedRoutes, type ResponsesDeps } from './stored-routes.ts'
import { bodyCompiler } from '../../http/tolerant-body.ts'
import { invalid } from '../../http/refusal.ts'
import { secondsNow } from '../reply-parts.ts'
import { ResponseEvents } from './events.ts'
import { outputMessages, toMessages } from './input.ts'
import { beginResponse, endResponse } from './reply.ts'
import { ResponseOutput } from './output.ts'
import { checkResponsesBody, readResponses, wantsLogprobs } from './request.ts'
import { tellsServed } from '../../http/request-headers.ts'
import { tellSkippedTools } from '../../chat/tools.ts'
import type { ResponseStore } from './store.ts'
import { answerReplies, haifHeaders } from '../route-schema.ts'
import { sendEvents } from '../../ask/send-answer.ts'

const ID_BYTES = 24

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
      const parts = infer(deps, [{ asked: wanted }], request, context)
      tellSkippedTools(body.tools, reply.raw)
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
        const form = new ResponseEvents({
          begun,
          newId,
          withLogprobs,
          complete,
          tellsServed: tellsServed(request.headers)
        })
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

/** Reads the messages before this request, and those that it adds. */
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

const createSchema = {
  operationId: 'createResponse',
  tags: ['openai'],
  summary: 'Answer an input',
  description:
    'With `stream: true` the reply is a stream of named events. What fails after the first one ' +
    'is an `error` event, then `response.failed`.',
  headers: haifHeaders,
  body: ResponsesBody,
  response: answerReplies(ResponseObject, ResponseEvent)
}
