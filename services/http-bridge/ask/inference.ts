/** Asks the mesh for a route: with the options of the headers, within a deadline, and counted. */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { gatewayInfer } from '#shared/contracts/inference/methods.ts'
import { HaifError } from '#shared/errors.ts'
import { inferBatchesThrough } from '#shared/inference/failover/infer-through.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { BridgeMetrics } from '../http/bridge-metrics.ts'
import { mergeAnswers, type Answer, type AnswerParts } from './answer-parts.ts'
import type { Failures } from '../failures.ts'
import { readOptions, readTimeoutMs } from '../http/request-headers.ts'
import type { ClientContext, RunningRequests } from './running-requests.ts'

export interface InferenceDeps {
  gateways: PeerPool
  running: RunningRequests
  failures: Failures
  counts: BridgeMetrics
  timeoutMsMax: number
  keepAliveMs: number
  version: string
}

/** Returns the context of a request, which ends with its HTTP response. */
export function enterContext(
  deps: Pick<InferenceDeps, 'running' | 'timeoutMsMax'>,
  request: FastifyRequest,
  reply: FastifyReply
): ClientContext {
  return deps.running.enter(request, reply, readTimeoutMs(request.headers, deps.timeoutMsMax))
}

/** A request as its body has it: the headers say the rest. */
type WantedAnswer = Pick<InferenceRequest, 'asked'> & Partial<InferenceRequest>

/** Asks for one answer to each of the requests, all at the same time. */
export function infer(
  deps: InferenceDeps,
  wanted: readonly WantedAnswer[],
  request: FastifyRequest,
  context: ClientContext
): AnswerParts {
  const options = readOptions(request.headers)
  const answers = wanted.map((one, index) => {
    const handling = { ...one.handling, ...options }
    const { idempotencyKey: key } = handling
    if (key !== undefined && index > 0) handling.idempotencyKey = keyOf(key, index)
    const inference = { ...one, handling, charge: { ...one.charge, caller: request.ip } }
    return measured(
      inferBatchesThrough(deps.gateways, gatewayInfer, inference, context, {
        onLimits: context.onLimits
      }),
      deps.counts
    )
  })
  return mergeAnswers(answers, () => {
    context.abort(new HaifError('CANCELLED', 'another answer of the same HTTP request failed'))
  })
}

/** Several answers to one HTTP request are several requests in the mesh, each with its own key. */
const keyOf = (key: string, index: number): string =>
  createHash('sha256').update(`${index}\n${key}`).digest('hex')

/** Counts an answer while it is read. */
function measured(answer: Answer, counts: BridgeMetrics): Answer {
  const startedAt = performance.now()
  let first = true
  return {
    async next() {
      const result = await answer.next()
      if (first) counts.firstToken((performance.now() - startedAt) / 1000)
      first = false
      if (result.done === true) counts.tokens(result.value.usage)
      return result
    },
    return: (end) => answer.return(end)
  }
}
