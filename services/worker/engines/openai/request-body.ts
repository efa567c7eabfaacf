/** Turns our request into the body of `/chat/completions` or `/completions`. */
import type { ResponseFormat, Sampling } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import type { GenerateRequest } from '../engine.ts'
import { unsupported } from '../errors.ts'
import { DIALECTS, type Dialect, type UpstreamKind } from './dialect.ts'
import { messageFields, thoughtFields } from './message-fields.ts'
import { thinkingFields } from './thinking-fields.ts'
import { toolFields } from './tool-fields.ts'

export interface UpstreamRequest {
  path: '/chat/completions' | '/completions'
  body: Record<string, unknown> & { max_tokens: number }
}

interface BodyFacts {
  kind: UpstreamKind
  /** The model's name on the server. */
  id: string
  /** Tokens that are still to be written. */
  maxTokens: number
  /** The text that is written already; may be empty. */
  prefix: string
}

export function requestBody(request: GenerateRequest, facts: BodyFacts): UpstreamRequest {
  const dialect = DIALECTS[facts.kind]
  const { input, stop } = request
  const { streamOptions, body } = dialect.countsTokens
  assertFormPossible(request, facts.prefix)
  assertContinuable(request, facts.prefix)
  const common = {
    model: facts.id,
    max_tokens: facts.maxTokens,
    stream: true,
    stream_options: { include_usage: true, ...streamOptions },
    ...body,
    ...saltFields(request, dialect),
    ...samplingFields(request.sampling, dialect),
    ...(stop === undefined || stop.length === 0 ? {} : { stop })
  }
  if (input.mode !== 'chat' && request.tools !== undefined) throw needsMessages('tools')
  if (input.mode === 'direct') {
    return { path: '/completions', body: { ...common, prompt: input.prompt + facts.prefix } }
  }
  if (input.mode === 'tokens') {
    return { path: '/completions', body: { ...common, prompt: input.tokenIds } }
  }
  const before = input.messages.map((message) => messageFields(message, dialect))
  const isContinued = facts.prefix !== '' || isBegun(request)
  const turns = isContinued
    ? { ...openTurn(request, dialect), messages: [...before, lastTurn(request, facts, dialect)] }
    : { messages: before }
  const { responseFormat } = request
  const form = responseFormat === undefined ? {} : { response_format: formOf(responseFormat) }
  const more = { ...toolFields(request, dialect), ...thinkingFields(request, dialect) }
  return { path: '/chat/completions', body: { ...common, ...turns, ...form, ...more } }
}

/** True where the caller has written the beginning of the answer itself. */
const isBegun = ({ resumeText, resumeTokens }: GenerateRequest): boolean =>
  resumeText !== undefined && resumeTokens === 0

/** A required call, a prompt of tokens, or reasoning alone cannot be continued by a text. */
function assertContinuable(request: GenerateRequest, prefix: string): void {
  const { input, toolChoice = 'auto', resumeReasoning = '', resumeText = '' } = request
  if (isBegun(request)) return
  const isText = prefix !== '' && (toolChoice !== 'auto' || input.mode === 'tokens')
  if (isText || (resumeReasoning !== '' && resumeText === '')) throw cannotContinue()
}

/** A server applies the form to its own text only, so it cannot begin in the middle. */
function assertFormPossible(request: GenerateRequest, prefix: string): void {
  const { responseFormat, input } = request
  if (responseFormat === undefined) return
  if (prefix !== '' && isBegun(request)) {
    throw unsupported(
      'responseFormat',
      'the server behind this worker cannot apply responseFormat to an answer that has begun: ' +
        'leave out the last message, or responseFormat'
    )
  }
  if (prefix !== '') throw cannotContinue()
  if (input.mode === 'chat') return
  throw needsMessages('responseFormat')
}

const needsMessages = (param: string): HaifError =>
  unsupported(param, `the openai engine cannot do ${param} without a chat: send messages`)

const formOf = (format: ResponseFormat) =>
  format.type === 'json'
    ? { type: 'json_object' }
    : {
        type: 'json_schema',
        json_schema: { name: 'answer', schema: format.schema, strict: true }
      }

const saltFields = ({ cacheScope }: GenerateRequest, { cacheSalt }: Dialect) =>
  cacheScope === undefined || cacheSalt === undefined ? {} : { [cacheSalt]: cacheScope }

/** Sends only the fields of the request: the others are the server's own choice. */
function samplingFields(sampling: Sampling, { sampling: names, topKAll }: Dialect) {
  const fields: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(sampling)) {
    const name = names[field as keyof Sampling]
    if (name !== undefined) fields[name] = field === 'topK' && value === 0 ? topKAll : value
  }
  return fields
}

function lastTurn(request: GenerateRequest, { prefix }: BodyFacts, dialect: Dialect) {
  return {
    role: 'assistant',
    content: prefix,
    ...thoughtFields(request.resumeReasoning, dialect)
  }
}

/**
 * Leaves the last turn open. A server that cannot do so gets what a caller has begun as an earlier
 * turn, as it would from the caller itself.
 */
function openTurn(request: GenerateRequest, { continues }: Dialect): Record<string, unknown> {
  switch (continues) {
    case 'flagged':
      return { add_generation_prompt: false, continue_final_message: true }
    case 'prefilled':
      return {}
    case 'never':
      if (isBegun(request)) return {}
      throw cannotContinue()
  }
}

/** Another worker may be able to continue the answer, so the error can be retried. */
const cannotContinue = (): HaifError =>
  new HaifError(
    'ENGINE_FAILED',
    'the server behind this worker cannot go on with this answer, which another one began'
  )
