/**
 * Errors as OpenAI's clients expect them: `{error: {message, type, param, code}}`.
 * https://platform.openai.com/docs/guides/error-codes
 */
import type { OpenAiErrorBody } from '#shared/contracts/http/openai-error.ts'
import type { ErrorCode, HaifError } from '#shared/errors.ts'
import { publicMessage } from '../http/errors.ts'

/** An endpoint's names for parameters of the mesh, where snake_case alone does not give them. */
type ParamNames = Readonly<Record<string, string>>

export function openAiErrorBody(error: HaifError, names: ParamNames = {}): OpenAiErrorBody {
  const inside = paramInside(error)
  const param = inside === null ? null : paramName(inside, names)
  const message = publicMessage(error)
  return {
    error: {
      message: inside === null || param === null ? message : renamed(message, inside, param),
      type: typeOf(error.httpStatus),
      param,
      code: CODES[error.code] ?? error.code.toLowerCase()
    }
  }
}

/** The status of `shared/errors.ts`, except where OpenAI's clients expect another one. */
export function openAiStatus(error: HaifError): number {
  return error.code === 'CONTEXT_TOO_LONG' ? 400 : error.httpStatus
}

/** OpenAI's own codes; the others are our codes in lower case. */
const CODES: Partial<Record<ErrorCode, string>> = {
  VALIDATION_FAILED: 'invalid_value',
  CONTEXT_TOO_LONG: 'context_length_exceeded',
  UNAUTHENTICATED: 'invalid_api_key',
  RATE_LIMITED: 'rate_limit_exceeded',
  BUDGET_EXHAUSTED: 'insufficient_quota',
  INTERNAL: 'server_error'
}

function typeOf(status: number): OpenAiErrorBody['error']['type'] {
  switch (status) {
    case 401:
      return 'authentication_error'
    case 403:
      return 'permission_error'
    case 429:
      return 'rate_limit_error'
    default:
      return status < 500 ? 'invalid_request_error' : 'server_error'
  }
}

/** Returns the field of the body, or the parameter under its name in the mesh. */
function paramInside({ code, details }: HaifError): string | null {
  const param = details?.['param']
  if (typeof param === 'string' && param !== '') return param
  return code === 'MODEL_NOT_FOUND' ? 'model' : null
}

/** Turns `messages.0.content` into `messages[0].content`, and `topLogprobs` into `top_logprobs`. */
function paramName(name: string, names: ParamNames): string {
  const known = names[name] ?? NAMES[name]
  if (known !== undefined) return known
  return name
    .replaceAll(/\.(\d+)(?=\.|$)/g, '[$1]')
    .replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

const NAMES: ParamNames = {
  tokens: 'prompt',
  topLogprobs: 'top_logprobs',
  promptLogprobs: 'echo',
  repeatPenalty: 'repetition_penalty',
  templateVariables: 'chat_template_kwargs',
  inputs: 'input'
}

export const RESPONSES_NAMES: ParamNames = {
  maxTokens: 'max_output_tokens',
  responseFormat: 'text.format',
  reasoningEffort: 'reasoning.effort',
  logprobs: 'include'
}

/** Replaces the parameter's name in a message; plain words such as `tokens` are left alone. */
const renamed = (message: string, inside: string, param: string): string =>
  /[A-Z.]/.test(inside) ? message.replace(inside, param) : message
