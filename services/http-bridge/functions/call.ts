/** `POST /v1/call/{object}`: a function as an address: arguments in, its value out. */
import type { FastifyInstance } from 'fastify'
import { gatewayStartRun } from '#shared/contracts/functions/callers.ts'
import { ErrorBody } from '#shared/contracts/http/error.ts'
import { ERRORS, HaifError, type ErrorCode } from '#shared/errors.ts'
import { security } from '../jobs/bodies.ts'
import type { AdminDeps } from '../operators/admin.ts'
import { refIn } from './objects.ts'

const CALL_MS_MAX = 300_000
const AROUND_MS = 15_000

export function callRoute(app: FastifyInstance, { gateways, running }: AdminDeps): void {
  app.post<{ Params: { '*': string }; Body: Record<string, unknown> }>(
    '/v1/call/*',
    { schema: callSchema },
    async (request, reply) => {
      const run = {
        object: refIn(request.params['*']),
        arguments: request.body,
        waitMs: CALL_MS_MAX
      }
      const context = running.enter(request, reply, CALL_MS_MAX + AROUND_MS)
      const { runId, status, error, result, resultArtifact } = await gateways.call(
        gatewayStartRun,
        { run },
        context
      )
      reply.header('x-haif-run', runId)
      if (status === 'Completed' && resultArtifact === undefined) {
        return reply.type('application/json').send(JSON.stringify(result ?? null))
      }
      if (resultArtifact !== undefined) return reply.redirect(`/v1/runs/${resultArtifact}`, 303)
      throw failureOf(status, error)
    }
  )
}

function failureOf(
  status: string,
  error: { code: string; message: string } | undefined
): HaifError {
  if (error !== undefined && Object.hasOwn(ERRORS, error.code)) {
    return new HaifError(error.code as ErrorCode, error.message)
  }
  if (status === 'Canceled') return new HaifError('CANCELLED', 'the run was canceled')
  return new HaifError('DEADLINE_EXCEEDED', 'the function still runs; X-HAIF-Run names its run')
}

const callSchema = {
  tags: ['functions'],
  summary: 'Call a function or a pipeline and wait for what it returns',
  description: 'The body has its arguments by their names, the answer is its value.',
  security,
  body: { type: 'object' },
  response: { '4xx': ErrorBody, '5xx': ErrorBody }
}
