/**
 * Sends an answer as server-sent events, in the form of any API. An error before the first event is
 * thrown and becomes an ordinary HTTP error; a later one is the last event, never a silent end.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { AnswerPart, AnswerParts } from './answer-parts.ts'
import type { FailedRequest } from '../http/errors.ts'
import type { Failures } from '../failures.ts'
import { SseWriter } from '../http/sse.ts'

/** The way in which one API writes an answer as events. */
export interface EventForm {
  part(part: AnswerPart, events: SseWriter): void
  /** Writes what shows that a silent stream lives; otherwise it is a comment. */
  keepAlive?(events: SseWriter): void
  /** Called after the last part. */
  end?(events: SseWriter): void
  failure(failure: FailedRequest, events: SseWriter): void
}

interface Sending {
  parts: AnswerParts
  form: EventForm
  context: RequestContext
  request: FastifyRequest
  reply: FastifyReply
  deps: { failures: Failures; keepAliveMs: number }
}

export async function sendEvents(sending: Sending): Promise<void> {
  const { parts, form, request, reply, deps } = sending
  const events = new SseWriter(reply, deps.keepAliveMs, (own) => {
    if (form.keepAlive === undefined) own.comment('keep-alive')
    else form.keepAlive(own)
  })
  try {
    await writeParts(events, sending)
  } catch (error) {
    if (!events.opened) throw error
    form.failure(deps.failures.take(error, request), events)
  } finally {
    await parts.return()
    events.dispose()
  }
  events.end()
}

async function writeParts(events: SseWriter, { parts, form, context }: Sending): Promise<void> {
  for await (const together of parts) {
    for (const part of together) form.part(part, events)
    if (events.blocked) await events.drained(context.signal)
  }
  form.end?.(events)
}
