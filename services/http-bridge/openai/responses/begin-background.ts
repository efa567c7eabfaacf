/** Begins a response that goes on when its client has gone. */
import type { FastifyRequest } from 'fastify'
import type { ResponseObject } from '#shared/contracts/http/responses.ts'
import { HaifError } from '#shared/errors.ts'
import { infer } from '../../ask/inference.ts'
import type { EventLog, EventSink } from '../../http/stream/event-log.ts'
import { readTimeoutMs } from '../../http/request-headers.ts'
import { unsupported } from '../../http/refusal.ts'
import { ResponseEvents } from './events.ts'
import { newId, type WantedResponse } from './wanted.ts'
import type { ResponsesDeps } from './stored-routes.ts'

interface Begun {
  log: EventLog
  response: ResponseObject
}

/** What the work came to, for its span: nobody waits for an HTTP status. */
const DONE = 200
const FAILED = 500

export function beginBackground(
  deps: ResponsesDeps,
  wanted: WantedResponse,
  request: FastifyRequest
): Begun {
  const { begun, owner, asked, withLogprobs, complete, keep } = wanted
  if (!begun.store) {
    throw unsupported(
      'store',
      'store: false is not supported with background: nobody could read it'
    )
  }
  const { running, failures, background, timeoutMsMax } = deps
  const cancelled = new HaifError('CANCELLED', 'the response was cancelled')
  const { context, leave } = running.detach(request, readTimeoutMs(request.headers, timeoutMsMax))
  const abort = () => context.abort(cancelled)
  const place = begin(() => background.begin(begun, owner, abort))
  const { kept } = place
  const form = new ResponseEvents({ begun, newId, withLogprobs, complete, tellsServed: false })
  const events: EventSink = {
    comment() {},
    event(name, data) {
      if ('response' in data) kept.response = data.response as ResponseObject
      kept.log.event(name, data)
    }
  }
  form.begin(events)
  void run()
  return { log: kept.log, response: kept.response }

  function begin<Place>(take: () => Place): Place {
    try {
      return take()
    } catch (error) {
      leave(FAILED)
      throw error
    }
  }

  async function run(): Promise<void> {
    const parts = infer(deps, [{ asked }], request, context)
    let status = DONE
    try {
      for await (const together of parts) for (const part of together) form.part(part, events)
    } catch (error) {
      status = FAILED
      if (context.signal.reason === cancelled) form.cancelled(events)
      else form.failure(failures.take(error, request), events)
      keep(kept.response, kept.response.output)
    } finally {
      await parts.return().catch(() => {}) // it has failed already
      place.leave()
      leave(status)
    }
  }
}
