/**
 * `POST /v1/messages/count_tokens`. The count is an estimate from the length of the texts, as
 * only the worker's tokenizer knows it exactly; Anthropic's own is documented as one, too.
 */
import type { FastifyInstance } from 'fastify'
import { CountTokensBody, CountTokensReply } from '#shared/contracts/http/anthropic.ts'
import { identify } from '#shared/contracts/access/access.ts'
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

type CountDeps = Pick<InferenceDeps, 'gateways' | 'running' | 'timeoutMsMax'>

export function countTokensRoute(app: FastifyInstance, deps: CountDeps): void {
  app.post<{ Body: CountTokensBody }>(
    '/v1/messages/count_tokens',
    { schema, validatorCompiler: bodyCompiler(checkCountBody) },
    async (request, reply): Promise<CountTokensReply> => {
      const { input, tools } = readPrompt(request.body)
      const context = enterContext(deps, request, reply)
      // Who may not ask may not have us count either.
      await deps.gateways.call(identify, { capability: 'infer' }, context)
      return { input_tokens: promptTokensOf(input) + toolTokensOf(tools) }
    }
  )
}
