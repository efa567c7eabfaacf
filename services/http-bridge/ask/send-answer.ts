/**
 * Sends an answer piece by piece, in the form of any API. An error before the first piece is thrown
 * and becomes an ordinary HTTP error; a later one is the last piece, never a silent end.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { AnswerPart, AnswerParts } from './answer-parts.ts'
import type { FailedRequest } from '../http/errors.ts'
import type { Failures } from '../failures.ts'
import { LineWriter } from '../http/stream/line-writer.ts'
import { SseWriter } from '../http/stream/sse-writer.ts'
import type { StreamWriter } from '../http/stream/stream-writer.ts'

/** The way in which one API writes an answer. */
export interface AnswerForm<Writer extends StreamWriter> {
  part(part: AnswerPart, writer: Writer): void
  /** Writes what shows that a silent stream lives; otherwise the writer does. */
  keepAlive?(writer: Writer): void
  /** Called after the last part. */
  end?(writer: Writer): void
  failure(failure: FailedRequest, writer: Writer): void
}
export type EventForm = AnswerForm<SseWriter>

interface Sending<Writer extends StreamWriter> {
  parts: AnswerParts
  form: AnswerForm<Writer>
  context: RequestContext
  request: FastifyRequest
  reply: FastifyReply
  deps: { failures: Failures; keepAliveMs: number }
}

export const sendEvents = (sending: Sending<SseWriter>): Promise<void> => send(sending, SseWriter)

export const sendLines = (sending: Sending<LineWriter>): Promise<void> => send(sending, LineWriter)

type WriterClass<Writer> = new (
  reply: FastifyReply,
  keepAliveMs: number,
  onSilence: () => void
) => Writer

async function send<Writer extends StreamWriter>(
  sending: Sending<Writer>,
  Form: WriterClass<Writer>
): Promise<void> {
  const { parts, form, request, reply, deps } = sending
  const writer = new Form(reply, deps.keepAliveMs, () => {
    if (form.keepAlive === undefined) writer.stayAlive()
    else form.keepAlive(writer)
  })
  try {
    await writeParts(writer, sending)
  } catch (error) {
    if (!writer.opened) throw error
    form.failure(deps.failures.take(error, request), writer)
  } finally {
    await parts.return()
    writer.dispose()
  }
  writer.end()
}

async function writeParts<Writer extends StreamWriter>(
  writer: Writer,
  { parts, form, context }: Sending<Writer>
): Promise<void> {
  for await (const together of parts) {
    for (const part of together) form.part(part, writer)
    if (writer.blocked) await writer.drained(context.signal)
  }
  form.end?.(writer)
}
