/** `POST /v1/responses`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ResponseEvent, ResponseObject, ResponsesBody } from '#shared/contracts/http/responses.ts'
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import type { AnswerParts } from '../../ask/answer-parts.ts'
import { enterContext, infer, type InferenceDeps } from '../../ask/inference.ts'
import { servedBy } from '../../infer/reply.ts'
import { ownerOf, storedRoutes, type ResponsesDeps } from './stored-routes.ts'
import { bodyCompiler } from '../../http/tolerant-body.ts'
import { BackgroundResponses } from './background.ts'
import { beginBackground } from './begin-background.ts'
import { ResponseEvents } from './events.ts'
import { ResponseOutput } from './output.ts'
import { checkResponsesBody } from './request.ts'
import { ResponseStore } from './store.ts'
import { sendLog } from './send-log.ts'
import { tellsServed } from '../../http/request-headers.ts'
import { tellSkippedTools } from '../../chat/tools.ts'
import { newId, wantedResponse, type WantedResponse } from './wanted.ts'
import { answerReplies, haifHeaders } from '../route-schema.ts'
import { sendEvents } from '../../ask/send-answer.ts'

export function responsesRoutes(app: FastifyInstance, given: InferenceDeps): void {
  const deps: ResponsesDeps = {
    ...given,
    responses: new ResponseStore({ now: () => Date.now() }),
    background: new BackgroundResponses()
  }
  app.post<{ Body: ResponsesBody }>(
    '/v1/responses',
    { schema: createSchema, validatorCompiler: bodyCompiler(checkResponsesBody) },
    async (request, reply) => {
      const { body } = request
      const context = enterContext(deps, request, reply)
      const owner = await ownerOf(deps.gateways, context)
      const wanted = wantedResponse(deps.responses, body, owner)
      tellSkippedTools(body.tools, reply.raw)
      if (body.background === true) {
        const { log, response } = beginBackground(deps, wanted, request)
        return body.stream === true ? sendLog(log, -1, { request, reply, context, deps }) : response
      }
      return answer(deps, wanted, { request, reply, context })
    }
  )

  storedRoutes(app, deps)
}

interface Exchange {
  request: FastifyRequest
  reply: FastifyReply
  context: ReturnType<typeof enterContext>
}

/** Answers as long as the client is there. */
async function answer(
  deps: ResponsesDeps,
  { body, asked, begun, withLogprobs, complete }: WantedResponse,
  { request, reply, context }: Exchange
) {
  const parts = infer(deps, [{ asked }], request, context)
  if (body.stream === true) {
    const served = tellsServed(request.headers)
    const form = new ResponseEvents({ begun, newId, withLogprobs, complete, tellsServed: served })
    return sendEvents({ parts, form, context, request, reply, deps })
  }
  const output = new ResponseOutput({ emit: () => {}, newId, withLogprobs })
  const end = await readAll(parts, output)
  reply.headers(servedBy(end))
  return complete(output, end)
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
