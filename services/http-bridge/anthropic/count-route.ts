/**
 * `POST /v1/messages/count_tokens`: counted by a worker that has the model in memory, by its own
 * template and tokenizer. Where none has, it is an estimate from the length of the texts, and a
 * header says so; Anthropic's own count is documented as an estimate, too.
 */
import type { FastifyInstance } from 'fastify'
import { CountTokensBody, CountTokensReply } from '#shared/contracts/http/anthropic.ts'
import { gatewayCount } from '#shared/contracts/inference/count.ts'
import type { Asked } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import { promptTokensOf, toolTokensOf } from '#shared/inference/prompt-size.ts'
import { enterContext, type InferenceDeps } from '../ask/inference.ts'
import { bodyCompiler } from '../http/tolerant-body.ts'
import { checkCountBody, readPrompt } from './request.ts'

const schema = {
  operationId: 'countMessageTokens',
  tags: ['anthropic'],
  summary: 'Estimate the tokens of a prompt',
  body: CountTokensBody,
  response: { 200: CountTokensReply }
}

const ESTIMATED_HEADER = 'x-haif-estimated'

/** Faults of the request, and of who asks, are those of an answer; all else leaves an estimate. */
function unlessUnknown(error: unknown): null {
  if (!(error instanceof HaifError) || FAULTS.has(error.code)) throw error
  return null
}

const FAULTS: ReadonlySet<string> = new Set([
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'MODEL_NOT_FOUND',
  'RATE_LIMITED',
  'BUDGET_EXHAUSTED',
  'VALIDATION_FAILED',
  'CANCELLED',
  'INTERNAL'
])

type CountDeps = Pick<InferenceDeps, 'gateways' | 'running' | 'timeoutMsMax'>

export function countTokensRoute(app: FastifyInstance, deps: CountDeps): void {
  app.post<{ Body: CountTokensBody }>(
    '/v1/messages/count_tokens',
    { schema, validatorCompiler: bodyCompiler(checkCountBody) },
    async (request, reply): Promise<CountTokensReply> => {
      const asked: Asked = { ...readPrompt(request.body), maxTokens: 1, sampling: {} }
      const context = enterContext(deps, request, reply)
      const counting = { asked, charge: { caller: request.ip } }
      const exact = await deps.gateways.call(gatewayCount, counting, context).catch(unlessUnknown)
      if (exact !== null) return { input_tokens: exact.promptTokens }
      reply.header(ESTIMATED_HEADER, '1')
      return { input_tokens: promptTokensOf(asked.input) + toolTokensOf(asked.tools) }
    }
  )
}
