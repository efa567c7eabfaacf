/** Turns a body of `POST /v1/responses` into a request to the mesh. */
import {
  ResponsesBody,
  type ResponsesToolChoice,
  type TextFormat
} from '#shared/contracts/http/responses.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { Asked, ResponseFormat } from '#shared/contracts/inference/request.ts'
import { readFormat } from '../../infer/request.ts'
import { beginsAnswer } from '../../chat/begun-answer.ts'
import { bodyChecker, refuseFields, type Refusals } from '../../http/tolerant-body.ts'
import { mendEffort, mendValues } from '../fields/odd-values.ts'
import { isFields } from '../../chat/past/calls.ts'
import { mendItems } from '../../chat/past/items.ts'
import { NO_LIMIT, readSampling } from '../../chat/sampling.ts'
import { mendTools, readTools, toolFields, type WantedTools } from '../../chat/tools.ts'

export const RESPONSES_REFUSALS: Refusals = {
  conversation: { why: 'use previous_response_id' },
  prompt: { why: 'HAIF keeps no prompt templates: send instructions and input' },
  truncation: {
    why: 'HAIF never leaves out a part of the input by itself',
    unless: (value) => value === 'disabled'
  },
  context_management: { why: 'HAIF never leaves out a part of the input by itself' },
  moderation: { why: 'HAIF has no moderation' },
  image: { why: 'the models here read and write text only' }
}

export const checkResponsesBody = bodyChecker(ResponsesBody, (fields) => {
  const mended = mendValues(refuseFields(fields, RESPONSES_REFUSALS))
  if ('tools' in mended) mended['tools'] = mendTools(mended['tools'], 'flat')
  if ('input' in mended) mended['input'] = mendItems(mended['input'])
  const { reasoning } = mended
  if (isFields(reasoning) && 'effort' in reasoning) {
    const { effort: given, ...others } = reasoning
    const effort = mendEffort(given)
    mended['reasoning'] = effort === undefined ? others : { ...others, effort }
  }
  return mended
})

/** `history` has the messages of the responses before this one. */
export function readResponses(
  body: ResponsesBody,
  history: readonly ChatMessage[],
  messages: readonly ChatMessage[]
): Asked {
  const { instructions } = body
  const system: ChatMessage[] =
    instructions === undefined ? [] : [{ role: 'system', content: instructions }]
  const asked: Asked = {
    input: { mode: 'chat', messages: [...system, ...history, ...messages] },
    maxTokens: body.max_output_tokens ?? NO_LIMIT,
    sampling: readSampling(body),
    ...toolFields({
      tools: readTools(body.tools, (tool) => tool),
      choice: readChoice(body.tool_choice),
      parallel: body.parallel_tool_calls
    })
  }
  if (body.model !== undefined) asked.model = body.model
  const responseFormat = readTextFormat(body.text?.format)
  if (responseFormat !== undefined) asked.responseFormat = responseFormat
  if (body.reasoning?.effort !== undefined) asked.reasoningEffort = body.reasoning.effort
  const last = messages.at(-1)
  if (last !== undefined && beginsAnswer(last, asked)) asked.continueFinal = true
  if (wantsLogprobs(body)) {
    asked.logprobs = true
    if (body.top_logprobs !== undefined) asked.topLogprobs = body.top_logprobs
  }
  return asked
}

export const wantsLogprobs = ({ include = [], top_logprobs: top = 0 }: ResponsesBody): boolean =>
  top > 0 || include.includes('message.output_text.logprobs')

function readChoice(choice: ResponsesToolChoice | undefined): WantedTools['choice'] {
  if (typeof choice !== 'object') return choice
  if (choice.type === 'function') return { name: choice.name }
  return { mode: choice.mode, among: choice.tools.map(({ name }) => name) }
}

/** The schema stands beside the type here, and not under `json_schema` as in `response_format`. */
function readTextFormat(format: TextFormat | undefined): ResponseFormat | undefined {
  return format?.type === 'json_schema'
    ? { type: 'jsonSchema', schema: format.schema }
    : readFormat(format)
}
