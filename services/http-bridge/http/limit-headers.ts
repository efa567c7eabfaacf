/** The caller's remaining limits, in the headers that clients of OpenAI's API read. */
import type { ServerResponse } from 'node:http'
import { Compile } from '#shared/validator.ts'
import type { HaifError } from '#shared/errors.ts'
import { LimitsState } from '#shared/contracts/access/limits.ts'

const MINUTE_MS = 60_000
const limitsState = Compile(LimitsState)

export function setLimitHeaders(response: ServerResponse, limits: LimitsState): void {
  if (response.headersSent) return // a stream that is continued through another gateway
  for (const kind of ['requests', 'tokens'] as const) {
    const allowance = limits[kind]
    if (allowance === undefined) continue
    response.setHeader(`x-ratelimit-limit-${kind}`, allowance.limit)
    response.setHeader(`x-ratelimit-remaining-${kind}`, allowance.remaining)
    response.setHeader(`x-ratelimit-reset-${kind}`, span(allowance.resetMs))
  }
}

/** Sets the headers of an error, whatever its body looks like. */
export function setErrorHeaders(response: ServerResponse, error: HaifError): void {
  if (error.httpStatus === 401) response.setHeader('www-authenticate', 'Bearer realm="HAIF"')
  const limits = error.details?.['limits']
  if (limitsState.Check(limits)) setLimitHeaders(response, limits)
}

/** A span of time in OpenAI's form: `350ms`, `6.2s`, `1m0s`. */
function span(ms: number): string {
  if (ms < 1000) return `${ms}ms`
  if (ms < MINUTE_MS) return `${Math.ceil(ms / 100) / 10}s`
  const seconds = Math.min(60, Math.ceil(ms / 1000)) // see `retryAfter`
  return `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
