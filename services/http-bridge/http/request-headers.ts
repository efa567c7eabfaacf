/** Reads the headers in which a client describes its request. */
import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Handling } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'

const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,128}$/
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/
/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** Takes `X-Request-ID` when it is well-formed, and makes a new id otherwise. */
export function readRequestId(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID()
}

/** Reads the client's trace, if it has one. */
export function readTraceparent(headers: IncomingHttpHeaders): string | undefined {
  const given = headers['traceparent']
  return typeof given === 'string' && TRACEPARENT.test(given) ? given : undefined
}

/** `X-HAIF-Timeout-Ms` may shorten the time of a request, not lengthen it. */
export function readTimeoutMs(headers: IncomingHttpHeaders, timeoutMsMax: number): number {
  const given = headers['x-haif-timeout-ms']
  if (given === undefined) return timeoutMsMax
  const timeoutMs = Number(given)
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) {
    throw new HaifError(
      'VALIDATION_FAILED',
      'x-haif-timeout-ms must be a whole number of milliseconds from 1',
      { details: { param: 'x-haif-timeout-ms' } }
    )
  }
  return Math.min(timeoutMs, timeoutMsMax)
}

/** Reads `Idempotency-Key`, `X-HAIF-Explain: 1` and `X-HAIF-Queue: 1`. */
export function readOptions(headers: IncomingHttpHeaders): Handling {
  const options: Handling = {}
  const key = headers['idempotency-key']
  if (key !== undefined) options.idempotencyKey = wellFormedKey(key)
  if (isOn(headers['x-haif-explain'])) options.explain = true
  if (isOn(headers['x-haif-queue'])) options.watchQueue = true
  return options
}

/** A stream says in a comment who served it; a whole reply says so in its headers anyway. */
export const tellsServed = (headers: IncomingHttpHeaders): boolean =>
  isOn(headers['x-haif-served']) || isOn(headers['x-haif-explain'])

const isOn = (value: string | string[] | undefined): boolean => value === '1' || value === 'true'

function wellFormedKey(key: string | string[]): string {
  if (typeof key === 'string' && IDEMPOTENCY_KEY.test(key)) return key
  throw new HaifError(
    'VALIDATION_FAILED',
    'Idempotency-Key must have 1 to 128 printable ASCII characters',
    { details: { param: 'idempotency-key' } }
  )
}

/**
 * True when `Accept` names events, and not with `q=0`:
 * https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1
 */
export function acceptsEvents({ accept = '' }: IncomingHttpHeaders): boolean {
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    return type === 'text/event-stream' && !parameters.some((part) => /^q=0(\.0*)?$/.test(part))
  })
}
