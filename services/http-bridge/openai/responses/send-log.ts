/** Sends the events of a response in the background, from any of them on, until it has ended. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Failures } from '../../failures.ts'
import type { EventLog } from '../../http/stream/event-log.ts'
import { SseWriter } from '../../http/stream/sse-writer.ts'
import { openAiErrorBody, RESPONSES_NAMES } from '../error.ts'

interface Sending {
  request: FastifyRequest
  reply: FastifyReply
  context: RequestContext
  deps: { failures: Failures; keepAliveMs: number }
}

/** `after`: the number of the last event that the client has; -1 where it has none. */
export async function sendLog(
  log: EventLog,
  after: number,
  { request, reply, context, deps }: Sending
): Promise<FastifyReply> {
  const events = new SseWriter(reply, deps.keepAliveMs, () => events.stayAlive())
  try {
    for await (const fresh of log.follow(after, context.signal)) {
      for (const { name, data } of fresh) events.event(name, data)
      if (events.blocked) await events.drained(context.signal)
    }
  } catch (error) {
    if (!events.opened) throw error
    const { error: told } = deps.failures.take(error, request)
    const { code, message, param } = openAiErrorBody(told, RESPONSES_NAMES).error
    events.event('error', { type: 'error', code, message, param })
  } finally {
    events.dispose()
  }
  if (!events.opened) return reply.code(204).send()
  events.end()
  return reply
}
