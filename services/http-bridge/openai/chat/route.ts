/** `POST /v1/chat/completions`. */
import type { FastifyInstance } from 'fastify'
import { ChatBody, ChatChunk, ChatReply } from '#shared/contracts/http/chat.ts'
import { gatherAnswers } from '../../ask/gathered-answer.ts'
import { enterContext, infer, type InferenceDeps } from '../../ask/inference.ts'
import { servedBy } from '../../infer/reply.ts'
import { bodyCompiler } from '../../http/tolerant-body.ts'
import { ChatChunks } from './chunks.ts'
import { chatReply, headOf } from './reply.ts'
import { checkChatBody, readChat } from './request.ts'
import { tellSkippedTools } from '../../chat/tools.ts'
import { tellsServed } from '../../http/request-headers.ts'
import { answerReplies, haifHeaders } from '../route-schema.ts'
import { sendEvents } from '../../ask/send-answer.ts'

const schema = {
  operationId: 'createChatCompletion',
  tags: ['openai'],
  summary: 'Answer a chat',
  description:
    'With `stream: true` the reply is a stream of server-sent events without names: chunks, then ' +
    '`[DONE]`. What fails after the first chunk is an event with the error object, ' +
    'and no `[DONE]`.',
  headers: haifHeaders,
  body: ChatBody,
  response: answerReplies(ChatReply, ChatChunk)
}

export function chatCompletionsRoute(app: FastifyInstance, deps: InferenceDeps): void {
  app.post<{ Body: ChatBody }>(
    '/v1/chat/completions',
    { schema, validatorCompiler: bodyCompiler(checkChatBody) },
    async (request, reply) => {
      const { body } = request
      const wanted = readChat(body)
      const context = enterContext(deps, request, reply)
      const parts = infer(
        deps,
        wanted.map((asked) => ({ asked })),
        request,
        context
      )
      const head = headOf('chatcmpl-', request.id, deps.version)
      tellSkippedTools(body.tools, reply.raw)
      const withLogprobs = body.logprobs === true
      if (body.stream === true) {
        const includeUsage = body.stream_options?.include_usage === true
        const form = new ChatChunks({
          ...head,
          model: body.model,
          includeUsage,
          withLogprobs,
          tellsServed: tellsServed(request.headers)
        })
        return sendEvents({ parts, form, context, request, reply, deps })
      }
      const answers = await gatherAnswers(parts, wanted.length)
      reply.headers(servedBy(answers.at(-1)!.end!))
      return chatReply(head, answers, withLogprobs)
    }
  )
}
