/** `POST /v1/messages`. */
import type { FastifyInstance } from 'fastify'
import {
  AnthropicErrorBody,
  MessageEvent,
  MessageReply,
  MessagesBody
} from '#shared/contracts/http/anthropic.ts'
import { gatherAnswers } from '../ask/gathered-answer.ts'
import { enterContext, infer, type InferenceDeps } from '../ask/inference.ts'
import { sendEvents } from '../ask/send-answer.ts'
import { tellSkippedTools } from '../chat/tools.ts'
import { replyId } from '../http/reply-id.ts'
import { bodyCompiler } from '../http/tolerant-body.ts'
import { servedBy } from '../infer/reply.ts'
import { MessageEvents } from './events.ts'
import { messageReply } from './reply.ts'
import { checkMessagesBody, readMessages, thoughtsOf } from './request.ts'

const schema = {
  operationId: 'createMessage',
  tags: ['anthropic'],
  summary: "Answer a chat in Anthropic's form",
  description:
    'With `stream: true` the reply is a stream of named events, from `message_start` to ' +
    '`message_stop`. What fails after the first one is an `error` event.',
  body: MessagesBody,
  response: {
    200: {
      description: 'The answer.',
      content: {
        'application/json': { schema: MessageReply },
        'text/event-stream': { schema: MessageEvent }
      }
    },
    default: {
      description: 'What went wrong.',
      content: { 'application/json': { schema: AnthropicErrorBody } }
    }
  }
}

export function messagesRoute(app: FastifyInstance, deps: InferenceDeps): void {
  app.post<{ Body: MessagesBody }>(
    '/v1/messages',
    { schema, validatorCompiler: bodyCompiler(checkMessagesBody) },
    async (request, reply) => {
      const { body } = request
      const asked = readMessages(body)
      const context = enterContext(deps, request, reply)
      const parts = infer(deps, [{ asked }], request, context)
      // Their names are not types of OpenAI's: `custom` is what a function is there.
      tellSkippedTools(body.tools?.map(asFunction), reply.raw)
      const options = {
        id: replyId('msg_', request.id),
        thoughts: thoughtsOf(body),
        stopSequences: body.stop_sequences ?? []
      }
      if (body.stream === true) {
        const form = new MessageEvents({ ...options, model: body.model })
        return sendEvents({ parts, form, context, request, reply, deps })
      }
      const [answer] = await gatherAnswers(parts, 1)
      reply.headers(servedBy(answer!.end!))
      return messageReply(answer!, options)
    }
  )
}

type AnyTool = NonNullable<MessagesBody['tools']>[number]

const asFunction = (tool: AnyTool): { type: string } =>
  tool.type === undefined || tool.type === 'custom'
    ? { type: 'function' }
    : { ...tool, type: tool.type }
