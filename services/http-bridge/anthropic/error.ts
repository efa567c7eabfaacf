/**
 * Errors as Anthropic's clients expect them: `{type: "error", error: {type, message}, request_id}`.
 * https://docs.anthropic.com/en/api/errors
 */
import type { AnthropicErrorBody } from '#shared/contracts/http/anthropic.ts'
import type { HaifError } from '#shared/errors.ts'
import { publicMessage } from '../http/errors.ts'

export function anthropicErrorBody(error: HaifError, requestId: string): AnthropicErrorBody {
  return {
    type: 'error',
    error: { type: TYPES[anthropicStatus(error)] ?? typeOtherwise(error), message: textOf(error) },
    request_id: requestId
  }
}

/** The status of `shared/errors.ts`, except where Anthropic's clients expect another one. */
export function anthropicStatus(error: HaifError): number {
  if (error.code === 'CONTEXT_TOO_LONG') return 400
  return error.httpStatus === 503 ? OVERLOADED : error.httpStatus
}

const OVERLOADED = 529

const TYPES: Readonly<Record<number, AnthropicErrorBody['error']['type']>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  [OVERLOADED]: 'overloaded_error'
}

const typeOtherwise = ({ httpStatus }: HaifError): AnthropicErrorBody['error']['type'] =>
  httpStatus < 500 ? 'invalid_request_error' : 'api_error'

/** Agents shorten their conversation when they read these words, and else give up. */
const textOf = (error: HaifError): string =>
  error.code === 'CONTEXT_TOO_LONG'
    ? `prompt is too long: ${publicMessage(error)}`
    : publicMessage(error)
