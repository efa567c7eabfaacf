/** Makes the response object: the settings of the request, and the answer so far. */
import type { ResponseObject, ResponsesBody } from '#shared/contracts/http/responses.ts'
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import { openAiErrorBody, RESPONSES_NAMES } from '../error.ts'
import type { HaifError } from '#shared/errors.ts'
import { explanationsOf } from '../reply-parts.ts'
import type { ResponseOutput } from './output.ts'

interface Begun {
  id: string
  createdAt: number
}

/** Makes the object before there is an answer. Every field is there, null where it has no value. */
export function beginResponse({ id, createdAt }: Begun, body: ResponsesBody): ResponseObject {
  return {
    id,
    object: 'response',
    created_at: createdAt,
    completed_at: null,
    status: 'in_progress',
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    model: body.model ?? '',
    output: [],
    previous_response_id: body.previous_response_id ?? null,
    store: body.store ?? true,
    background: false,
    truncation: 'disabled',
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    temperature: body.temperature ?? null,
    top_p: body.top_p ?? null,
    presence_penalty: body.presence_penalty ?? 0,
    frequency_penalty: body.frequency_penalty ?? 0,
    top_logprobs: body.top_logprobs ?? 0,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    tool_choice: body.tool_choice ?? 'auto',
    tools: (body.tools ?? []).map(({ name, description, parameters, strict }) => ({
      type: 'function',
      name,
      description: description ?? null,
      parameters: parameters ?? null,
      strict: strict ?? false
    })),
    text: { format: body.text?.format ?? { type: 'text' } },
    reasoning: { effort: body.reasoning?.effort ?? null, summary: null },
    service_tier: 'default',
    metadata: body.metadata ?? {},
    user: body.user ?? null,
    safety_identifier: body.safety_identifier ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    access_programs: null,
    usage: null
  }
}

/** Completes the object with the end of the answer; `output` must have been finished. */
export function endResponse(
  begun: ResponseObject,
  output: ResponseOutput,
  end: InferenceEnd,
  completedAt: number
): ResponseObject {
  const { promptTokens, cachedPromptTokens, completionTokens } = end.usage
  const whole = end.finishReason !== 'length'
  return {
    ...begun,
    status: whole ? 'completed' : 'incomplete',
    completed_at: whole ? completedAt : null,
    incomplete_details: whole ? null : { reason: 'max_output_tokens' },
    model: end.model,
    output: output.items,
    usage: {
      input_tokens: promptTokens,
      input_tokens_details: { cached_tokens: cachedPromptTokens, cache_write_tokens: 0 },
      output_tokens: completionTokens,
      output_tokens_details: { reasoning_tokens: output.reasoningTokens },
      total_tokens: promptTokens + completionTokens
    },
    ...explanationsOf([end])
  }
}

export function failResponse(
  begun: ResponseObject,
  output: ResponseOutput,
  error: HaifError
): ResponseObject {
  const { message } = openAiErrorBody(error, RESPONSES_NAMES).error
  const code = error.code === 'RATE_LIMITED' ? 'rate_limit_exceeded' : 'server_error'
  return { ...begun, status: 'failed', error: { code, message }, output: output.items }
}
