/** Errors in the form that HTTP clients see: a code, one line, the request id; never a stack. */
import type { ErrorBody, FlatErrorBody } from '#shared/contracts/http/error.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import { bodyTooLarge } from './body-bytes.ts'

const RETRY_AFTER_MS = 1000
/** The status that bodies with `api_version` get instead of 400. */
const UNPROCESSABLE = 422

/** An error and the request that it ended. */
export interface FailedRequest {
  error: HaifError
  requestId: string
}

/** Translates fastify's own errors; ours stay as they are. */
export function translate(error: unknown): HaifError {
  if (error instanceof HaifError) return error
  const {
    code = '',
    statusCode,
    message
  } = error as Partial<Error & { code: string; statusCode: number }>
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new HaifError(
        'UNSUPPORTED_MEDIA_TYPE',
        "the body must be JSON; add the header 'content-type: application/json'"
      )
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return bodyTooLarge()
    case 'FST_ERR_BAD_URL':
      return new HaifError('VALIDATION_FAILED', 'the address is not a valid URL')
    default:
      return isClientError(statusCode)
        ? new HaifError('VALIDATION_FAILED', message ?? 'malformed request', { cause: error })
        : toHaifError(error)
  }
}

export function statusOf(error: HaifError, versioned: boolean): number {
  return versioned && error.code === 'VALIDATION_FAILED' ? UNPROCESSABLE : error.httpStatus
}

export function errorBody(error: HaifError, requestId: string): ErrorBody {
  const body: ErrorBody = {
    error: { code: error.code, message: publicMessage(error), request_id: requestId }
  }
  const details = publicDetails(error)
  if (details !== undefined) body.error.details = details
  return body
}

/** The same on one level, where clients of older systems look for it. */
export function flatErrorBody(error: HaifError, requestId: string): FlatErrorBody {
  const { message, ...others } = errorBody(error, requestId).error
  return { error: message, ...others }
}

/** The caller's remaining limits go into headers and not into the body. */
function publicDetails({ code, details }: HaifError): Record<string, unknown> | undefined {
  if (details === undefined || code === 'INTERNAL') return undefined
  const { limits: _limits, ...others } = details
  return others
}

/** The message that anyone may see, on one line. */
export function publicMessage(error: HaifError): string {
  if (error.code === 'INTERNAL') return 'internal error; the log has it under this request id'
  return error.message.replaceAll(/\s+/g, ' ').trim()
}

/**
 * The seconds of `Retry-After` for 429 and 503, which clients obey by themselves. The limits of a
 * minute are counted in slices of a second, so that a wait may be one longer; OpenAI's clients
 * ignore what is over 60 and ask again at once. Only a budget takes longer.
 */
export function retryAfter(error: HaifError): string | undefined {
  if (error.httpStatus !== 429 && error.httpStatus !== 503) return undefined
  const seconds = Math.max(1, Math.ceil((error.retryAfterMs ?? RETRY_AFTER_MS) / 1000))
  const most = error.code === 'BUDGET_EXHAUSTED' ? Infinity : OBEYED_SECONDS_MAX
  return String(Math.min(seconds, most))
}

const OBEYED_SECONDS_MAX = 60

const isClientError = (status: number | undefined): boolean =>
  status !== undefined && status >= 400 && status < 500
