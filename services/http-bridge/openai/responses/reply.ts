/** Makes the response object: the settings of the request, and the answer so far. */
import type { ResponseObject, ResponsesBody } from '#shared/contracts/http/responses.ts'
import type { InferenceEnd, UsedSampling } from '#shared/contracts/inference/answer.ts'
import { openAiErrorBody, RESPONSES_NAMES } from '../error.ts'
import type { HaifError } from '#shared/errors.ts'
import { explanationsOf } from '../reply-parts.ts'
import { NO_LIMIT } from '../../chat/sampling.ts'
import { readTools } from '../../chat/tools.ts'
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
    background: body.background ?? false,
    truncation: 'disabled',
    max_output_tokens: limitIn(body),
    max_tool_calls: body.max_tool_calls ?? null,
    temperature: body.temperature ?? UNKNOWN,
    top_p: body.top_p ?? UNKNOWN,
    presence_penalty: body.presence_penalty ?? 0,
    frequency_penalty: body.frequency_penalty ?? 0,
    top_logprobs: body.top_logprobs ?? 0,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    tool_choice: body.tool_choice ?? 'auto',
    tools: readTools(body.tools, (tool) => tool).map((tool) => ({
      type: 'function',
      name: tool.name,
      description: tool.description ?? null,
      parameters: tool.parameters ?? null,
      strict: tool.strict ?? false
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

/** Stands for the sampling of a server that does not report it. */
const UNKNOWN = 1

/** `NO_LIMIT` is what a client's -1 or 0 became. */
function limitIn({ max_output_tokens: limit = NO_LIMIT }: ResponsesBody): number | null {
  return limit === NO_LIMIT ? null : limit
}

/** The object with the sampling that the engine reports. */
export function sampledWith(begun: ResponseObject, used: UsedSampling | undefined): ResponseObject {
  if (used === undefined) return begun
  return { ...begun, temperature: used.temperature, top_p: used.topP }
}

/** Completes the object with the end of the answer; `output` must have been finished. */
export function endResponse(
  begun: ResponseObject,
  output: ResponseOutput,
  end: InferenceEnd,
  completedAt: number
): ResponseObject {
  const { promptTokens, cachedPromptTokens, completionTokens, reasoningTokens } = end.usage
  const whole = end.finishReason !== 'length'
  return {
    ...sampledWith(begun, end.sampling),
    status: whole ? 'completed' : 'incomplete',
    completed_at: whole ? completedAt : null,
    incomplete_details: whole ? null : { reason: 'max_output_tokens' },
    model: end.model,
    output: output.items,
    usage: {
      input_tokens: promptTokens,
      input_tokens_details: { cached_tokens: cachedPromptTokens, cache_write_tokens: 0 },
      output_tokens: completionTokens,
      output_tokens_details: { reasoning_tokens: reasoningTokens ?? output.reasoningTokens },
      total_tokens: promptTokens + completionTokens
    },
    ...explanationsOf([end])
  }
}

export function cancelResponse(begun: ResponseObject, output: ResponseOutput): ResponseObject {
  return { ...begun, status: 'cancelled', output: output.items }
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
