/** `POST /v1/completions`. */
import type { FastifyInstance } from 'fastify'
import { CompletionBody, CompletionReply } from '#shared/contracts/http/completions.ts'
import { enterContext, infer, type InferenceDeps } from '../../ask/inference.ts'
import { servedBy } from '../../infer/reply.ts'
import { bodyCompiler } from '../../http/tolerant-body.ts'
import { CompletionChunks, gatherCompletion } from './reply.ts'
import { checkCompletionBody, readCompletion } from './request.ts'
import { headOf } from '../chat/reply.ts'
import { tellsServed } from '../../http/request-headers.ts'
import { answerReplies, haifHeaders } from '../route-schema.ts'
import { sendEvents } from '../../ask/send-answer.ts'

const schema = {
  operationId: 'createCompletion',
  tags: ['openai'],
  summary: 'Continue a text',
  description: 'With `stream: true` the reply is a stream of chunks, then `[DONE]`.',
  headers: haifHeaders,
  body: CompletionBody,
  response: answerReplies(CompletionReply, CompletionReply)
}

export function completionsRoute(app: FastifyInstance, deps: InferenceDeps): void {
  app.post<{ Body: CompletionBody }>(
    '/v1/completions',
    { schema, validatorCompiler: bodyCompiler(checkCompletionBody) },
    async (request, reply) => {
      const { body } = request
      const wanted = readCompletion(body)
      const context = enterContext(deps, request, reply)
      const parts = infer(
        deps,
        wanted.asked.map((asked) => ({ asked })),
        request,
        context
      )
      const options = {
        ...headOf('cmpl-', request.id, deps.version),
        model: body.model,
        wanted,
        includeUsage: body.stream_options?.include_usage === true,
        withLogprobs: body.logprobs !== undefined,
        tellsServed: tellsServed(request.headers)
      }
      if (body.stream === true) {
        const form = new CompletionChunks(options)
        return sendEvents({ parts, form, context, request, reply, deps })
      }
      const { reply: answer, ends } = await gatherCompletion(parts, options)
      reply.headers(servedBy(ends.at(-1)!))
      return answer
    }
  )
}
