/** Errors as HTTP clients see them: a code, one line, the request id; never a stack. */
import type { ErrorBody } from '#shared/contracts/http/error.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import { BODY_BYTES_MAX } from './json-body.ts'

const RETRY_AFTER_MS = 1000
/** Instead of 400, on bodies with `api_version`. */
const UNPROCESSABLE = 422

/** An error and the request that it ended. */
export interface FailedRequest {
  error: HaifError
  requestId: string
}

/** Fastify's own errors in our words, and ours as they are. */
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
      return new HaifError('BODY_TOO_LARGE', `the body is over ${BODY_BYTES_MAX / 1024} KiB`)
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

/** What is left of limits is told in headers. */
function publicDetails({ code, details }: HaifError): Record<string, unknown> | undefined {
  if (details === undefined || code === 'INTERNAL') return undefined
  const told = { ...details }
  delete told['limits']
  return told
}

/** What may be said of an error to anyone, on one line. */
export function publicMessage(error: HaifError): string {
  if (error.code === 'INTERNAL') return 'internal error; the log has it under this request id'
  return error.message.replaceAll(/\s+/g, ' ').trim()
}

/** Seconds, for 429 and 503; clients wait that long by themselves. */
export function retryAfter(error: HaifError): string | undefined {
  if (error.httpStatus !== 429 && error.httpStatus !== 503) return undefined
  return String(Math.max(1, Math.ceil((error.retryAfterMs ?? RETRY_AFTER_MS) / 1000)))
}

const isClientError = (status: number | undefined): boolean =>
  status !== undefined && status >= 400 && status < 500
