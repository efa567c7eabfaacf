/** `POST /api/chat` and `POST /api/generate`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import {
  OllamaChatBody,
  OllamaChatLine,
  OllamaErrorBody,
  OllamaGenerateBody,
  OllamaGenerateLine
} from '#shared/contracts/http/ollama.ts'
import type { Asked } from '#shared/contracts/inference/request.ts'
import { gatherAnswers } from '../ask/gathered-answer.ts'
import { enterContext, infer, type InferenceDeps } from '../ask/inference.ts'
import { sendLines } from '../ask/send-answer.ts'
import { bodyCompiler } from '../http/tolerant-body.ts'
import { servedBy } from '../infer/reply.ts'
import { AnswerLines } from './lines.ts'
import { findModel } from './models.ts'
import { chatFields, endFigures, generateFields, toolCallsOf, type Said } from './reply.ts'
import { checkChatBody, checkGenerateBody, readChat, readGenerate } from './request.ts'

export function answerRoutes(app: FastifyInstance, deps: InferenceDeps): void {
  app.post<{ Body: OllamaChatBody }>(
    '/api/chat',
    {
      schema: schemaOf('ollamaChat', 'Answer a chat', OllamaChatBody, OllamaChatLine),
      validatorCompiler: bodyCompiler(checkChatBody)
    },
    (request, reply) => answer(deps, request, reply, readChat(request.body), chatFields)
  )
  app.post<{ Body: OllamaGenerateBody }>(
    '/api/generate',
    {
      schema: schemaOf('ollamaGenerate', 'Continue', OllamaGenerateBody, OllamaGenerateLine),
      validatorCompiler: bodyCompiler(checkGenerateBody)
    },
    (request, reply) => answer(deps, request, reply, readGenerate(request.body), generateFields)
  )
}

type AnswerRequest = FastifyRequest<{ Body: OllamaChatBody | OllamaGenerateBody }>

async function answer(
  deps: InferenceDeps,
  request: AnswerRequest,
  reply: FastifyReply,
  wanted: Asked | null,
  fieldsOf: (said: Said) => object
) {
  const context = enterContext(deps, request, reply)
  const { body } = request
  const created_at = new Date().toISOString()
  const { name: model } = await findModel(deps.gateways, body.model, context)
  if (wanted === null) {
    return { model, created_at, ...fieldsOf({ text: '' }), done: true, done_reason: 'load' }
  }
  const parts = infer(deps, [{ asked: { ...wanted, model } }], request, context)
  if (body.stream !== false) {
    const form = new AnswerLines({ model, now: () => new Date(), fieldsOf })
    return sendLines({ parts, form, context, request, reply, deps })
  }
  const [{ text, reasoning, toolCalls, logprobs, end }] = (await gatherAnswers(parts, 1)) as [
    Gathered
  ]
  reply.headers(servedBy(end!))
  const calls = toolCallsOf(toolCalls)
  const said: Said = { text, logprobs }
  if (reasoning !== '') said.thinking = reasoning
  if (calls.length > 0) said.toolCalls = calls
  return { model: end!.model, created_at, ...fieldsOf(said), ...endFigures(end!) }
}

type Gathered = Awaited<ReturnType<typeof gatherAnswers>>[number]

function schemaOf(operationId: string, summary: string, body: TSchema, line: TSchema) {
  return {
    operationId,
    tags: ['ollama'],
    summary,
    body,
    response: {
      200: {
        description: 'Lines, or with `stream: false` one object.',
        content: { 'application/x-ndjson': { schema: line }, 'application/json': { schema: line } }
      },
      default: {
        description: 'What went wrong.',
        content: { 'application/json': { schema: OllamaErrorBody } }
      }
    }
  }
}
