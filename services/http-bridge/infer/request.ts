/** Turns a body of `POST /infer` into the request that travels through the mesh. */
import { Compile } from '#shared/validator.ts'
import {
  DEFAULT_MAX_TOKENS,
  DEFAULT_TEMPERATURE,
  NativeInferBody,
  VERSIONED_MAX_TOKENS,
  VERSIONED_TEMPERATURE,
  VersionedInferBody,
  type HttpResponseFormat,
  type InferBody,
  type Mode
} from '#shared/contracts/http/infer.ts'
import type {
  Asked,
  Charge,
  Handling,
  InferenceInput,
  InferenceRequest,
  ResponseFormat,
  Sampling
} from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import { checkBody } from '../http/validation.ts'

const nativeBody = Compile(NativeInferBody)
const versionedBody = Compile(VersionedInferBody)

/** A call of the endpoint, whichever body it was written in. */
export interface InferCall {
  body: 'native' | 'versioned'
  /** Where it is undefined, the `Accept` header decides. */
  stream: boolean | undefined
  mode: Mode
  request: InferenceRequest
}

/** A body with an `api_version`, whatever its value, belongs to the strict contract. */
export function isVersioned(body: unknown): boolean {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, 'api_version')
}

export function checkInferBody(body: unknown): InferBody {
  return isVersioned(body) ? checkBody(versionedBody, body) : checkBody(nativeBody, body)
}

export function readInfer(body: InferBody): InferCall {
  return 'api_version' in body ? readVersioned(body) : readNative(body)
}

function readVersioned(body: VersionedInferBody): InferCall {
  const { prompt, max_tokens: maxTokens = VERSIONED_MAX_TOKENS } = body
  const asked: Asked = {
    input: { mode: 'chat', messages: [{ role: 'user', content: prompt }] },
    maxTokens,
    sampling: { temperature: body.temperature ?? VERSIONED_TEMPERATURE }
  }
  const request = { asked, handling: {}, charge: {} }
  return { body: 'versioned', stream: false, mode: 'chat', request }
}

function readNative(body: NativeInferBody): InferCall {
  const { mode = 'chat', stop, stream } = body
  const asked: Asked = {
    input: readInput(body, mode),
    maxTokens: body.max_tokens ?? DEFAULT_MAX_TOKENS,
    sampling: readSampling(body)
  }
  if (body.model !== undefined) asked.model = body.model
  if (stop !== undefined) asked.stop = typeof stop === 'string' ? [stop] : stop
  const responseFormat = readFormat(body.response_format)
  if (responseFormat !== undefined) asked.responseFormat = responseFormat
  if (body.labels !== undefined) asked.labels = body.labels
  if (body.continue_final_message === true) asked.continueFinal = mustContinue(asked)
  const handling: Handling = {}
  if (body.priority !== undefined) handling.priority = body.priority
  const charge: Charge = {}
  if (body.tenant_id !== undefined) charge.tenantId = body.tenant_id
  return { body: 'native', stream, mode, request: { asked, handling, charge } }
}

function mustContinue({ input }: Asked): true {
  const last = input.mode === 'chat' ? input.messages.at(-1) : undefined
  if (last?.role === 'assistant') return true
  throw new HaifError(
    'VALIDATION_FAILED',
    'continue_final_message needs messages, the last of them of role "assistant"',
    { details: { param: 'continue_final_message' } }
  )
}

function readInput(body: NativeInferBody, mode: Mode): InferenceInput {
  const { messages } = body
  const given = (['prompt', 'input', 'messages'] as const).filter(
    (name) => body[name] !== undefined
  )
  if (given.length !== 1) {
    throw new HaifError(
      'VALIDATION_FAILED',
      given.length === 0
        ? 'the body needs one of prompt, input and messages'
        : `the body has ${given.join(' and ')}, and only one of them may be there`,
      { details: { param: given[1] ?? 'prompt' } }
    )
  }
  if (messages !== undefined) {
    if (mode === 'chat') return { mode, messages }
    throw new HaifError('VALIDATION_FAILED', 'mode "direct" takes a prompt and no messages', {
      details: { param: 'messages' }
    })
  }
  const prompt = body.prompt ?? body.input ?? ''
  return mode === 'direct'
    ? { mode, prompt }
    : { mode, messages: [{ role: 'user', content: prompt }] }
}

function readSampling(body: NativeInferBody): Sampling {
  const sampling: Sampling = { temperature: body.temperature ?? DEFAULT_TEMPERATURE }
  if (body.top_p !== undefined) sampling.topP = body.top_p
  if (body.top_k !== undefined) sampling.topK = body.top_k
  if (body.min_p !== undefined) sampling.minP = body.min_p
  if (body.seed !== undefined) sampling.seed = body.seed
  if (body.repeat_penalty !== undefined) sampling.repeatPenalty = body.repeat_penalty
  if (body.frequency_penalty !== undefined) sampling.frequencyPenalty = body.frequency_penalty
  if (body.logit_bias !== undefined) sampling.logitBias = body.logit_bias
  if (body.presence_penalty !== undefined) sampling.presencePenalty = body.presence_penalty
  return sampling
}

/** `response_format`, as OpenAI writes it. */
export function readFormat(format: HttpResponseFormat | undefined): ResponseFormat | undefined {
  switch (format?.type) {
    case undefined:
    case 'text':
      return undefined
    case 'json_object':
      return { type: 'json' }
    case 'json_schema':
      return { type: 'jsonSchema', schema: format.json_schema.schema }
  }
}
