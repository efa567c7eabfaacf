/** `POST /infer`: one request through the mesh, answered as JSON or token by token. */
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchemaCompiler } from 'fastify'
import type { InferBody, TokenEvent } from '#shared/contracts/http-infer.ts'
import { gatewayInfer, type InferenceEnd, type InferenceItem } from '#shared/contracts/inference.ts'
import { inferBatchesThrough } from '#shared/mesh/infer-through.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'
import type { Failures } from '../failures.ts'
import { checkInferBody, readAsked, type Asked } from '../infer-body.ts'
import { doneEvent, nativeReply, queuedEvent, servedBy, versionedReply } from '../infer-reply.ts'
import type { BridgeMetrics } from '../bridge-metrics.ts'
import { acceptsEvents, readOptions, readTimeoutMs, readTraceparent } from '../request-headers.ts'
import type { RunningRequests } from '../running-requests.ts'
import { SseWriter } from '../sse.ts'
import { asValidation } from '../validation.ts'
import { inferSchema } from './infer-schema.ts'

export interface InferDeps {
  gateways: PeerPool
  running: RunningRequests
  failures: Failures
  counts: BridgeMetrics
  timeoutMsMax: number
  keepAliveMs: number
}

type Answer = AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void>

export function inferRoute(app: FastifyInstance, deps: InferDeps): void {
  app.post<{ Body: InferBody }>(
    '/infer',
    { schema: inferSchema, validatorCompiler },
    async (request, reply) => {
      const asked = readAsked(request.body)
      Object.assign(asked.request, readOptions(request.headers), { caller: request.ip })
      const context = deps.running.enter(reply.raw, {
        requestId: request.id,
        traceparent: readTraceparent(request.headers),
        timeoutMs: readTimeoutMs(request.headers, deps.timeoutMsMax)
      })
      const stream = inferBatchesThrough(deps.gateways, gatewayInfer, asked.request, context)
      const answer = measured(stream, deps.counts)
      return (asked.stream ?? acceptsEvents(request.headers))
        ? sendEvents({ answer, asked, context, request, reply, deps })
        : sendJson(answer, asked, reply)
    }
  )
}

/** The schema of the headers is there to be read: `request-headers.ts` takes what is well-formed. */
const validatorCompiler: FastifySchemaCompiler<unknown> = ({ httpPart }) =>
  httpPart === 'body' ? asValidation(checkInferBody) : () => true

async function* measured(answer: Answer, counts: BridgeMetrics): Answer {
  const startedAt = performance.now()
  let first = true
  let left = false
  try {
    for (;;) {
      const { done, value } = await answer.next()
      if (first) counts.firstToken((performance.now() - startedAt) / 1000)
      first = false
      if (done === true) {
        counts.tokens(value.usage)
        return value
      }
      left = true
      yield value
      left = false
    }
  } finally {
    if (left) await answer.return(undefined as never) // whoever leaves early cancels it
  }
}

async function sendJson(answer: Answer, asked: Asked, reply: FastifyReply): Promise<unknown> {
  let output = ''
  let reasoning = ''
  for (;;) {
    const { done, value } = await answer.next()
    if (done !== true) {
      for (const item of value.items()) {
        output += item.text
        reasoning += item.reasoning ?? ''
      }
      continue
    }
    reply.headers(servedBy(value))
    const answered = { asked, end: value, requestId: reply.request.id }
    return asked.body === 'versioned'
      ? versionedReply(answered, output)
      : nativeReply(answered, output, reasoning)
  }
}

interface Sending {
  answer: Answer
  asked: Asked
  context: RequestContext
  request: FastifyRequest
  reply: FastifyReply
  deps: InferDeps
}

async function sendEvents(sending: Sending): Promise<void> {
  const { answer, request, reply, deps } = sending
  const events = new SseWriter(reply, deps.keepAliveMs)
  try {
    await writeAnswer(events, sending)
  } catch (error) {
    if (!events.opened) throw error
    events.event('error', deps.failures.event(error, request))
  } finally {
    await answer.return(undefined as never)
    events.dispose()
  }
  events.end()
}

async function writeAnswer(events: SseWriter, { answer, asked, context }: Sending): Promise<void> {
  const { signal, requestId } = context
  for (;;) {
    const { done, value } = await answer.next()
    if (done === true) {
      events.event('done', doneEvent({ asked, end: value, requestId }))
      return
    }
    for (const item of value.items()) writeItem(events, item)
    if (events.blocked) await events.drained(signal)
  }
}

function writeItem(events: SseWriter, { seq, text, reasoning, queued }: InferenceItem): void {
  if (queued !== undefined) events.event('queued', queuedEvent(queued))
  if (text === '' && reasoning === undefined) return
  const token: TokenEvent = { text, index: seq }
  if (reasoning !== undefined) token.reasoning = reasoning
  events.event('token', token)
}
