/** Turns a body of `POST /v1/chat/completions` into requests to the mesh. */
import { ChatBody, type HttpChatMessage, type HttpToolChoice } from '#shared/contracts/http/chat.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { Asked } from '#shared/contracts/inference/request.ts'
import type { Static } from 'typebox'
import { readFormat } from '../../infer/request.ts'
import { bodyChecker, invalid, type Refusals } from '../body.ts'
import { textOf } from '../content.ts'
import { choicesOf, NO_LIMIT, readSampling, readStop } from '../sampling.ts'
import { OTHER_TOOLS, readTool, toolFields, type WantedTools } from '../tools.ts'

export const CHAT_REFUSALS: Refusals = {
  tools: OTHER_TOOLS,
  functions: { why: 'use tools' },
  function_call: { why: 'use tool_choice' },
  audio: { why: 'the models here write text only' },
  modalities: {
    why: 'the models here write text only',
    unless: (value) => Array.isArray(value) && value.every((modality) => modality === 'text')
  },
  web_search_options: { why: 'HAIF does not search the web' },
  moderation: { why: 'HAIF has no moderation' }
}

export const checkChatBody = bodyChecker(ChatBody, CHAT_REFUSALS)

/** Returns one request for each choice. */
export function readChat(body: ChatBody): Asked[] {
  const asked: Asked = {
    input: { mode: 'chat', messages: body.messages.map(readMessage) },
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? NO_LIMIT,
    sampling: readSampling(body),
    ...toolFields({
      tools: (body.tools ?? []).map((tool) => readTool(tool.function)),
      choice: readChoice(body.tool_choice),
      parallel: body.parallel_tool_calls
    }),
    ...readLogprobs(body)
  }
  if (body.model !== undefined) asked.model = body.model
  const stop = readStop(body.stop)
  if (stop !== undefined) asked.stop = stop
  const responseFormat = readFormat(body.response_format)
  if (responseFormat !== undefined) asked.responseFormat = responseFormat
  if (body.reasoning_effort !== undefined) asked.reasoningEffort = body.reasoning_effort
  return choicesOf(asked, body.n ?? 1)
}

function readMessage(message: HttpChatMessage, index: number): ChatMessage {
  const { role, content, tool_calls: calls, tool_call_id: callId } = message
  const param = `messages[${index}]`
  const text = content === undefined ? '' : textOf(content, `${param}.content`)
  if (content === undefined && role !== 'assistant') {
    throw invalid(`${param}.content`, `${param}.content is missing`)
  }
  switch (role) {
    case 'developer':
      return { role: 'system', content: text }
    case 'tool':
      if (callId !== undefined) return { role, content: text, toolCallId: callId }
      throw invalid(`${param}.tool_call_id`, `${param}.tool_call_id is missing`)
    case 'assistant':
      if (calls === undefined || calls.length === 0) return { role, content: text }
      return {
        role,
        content: text,
        toolCalls: calls.map(({ id, function: called }) => ({ id, ...called }))
      }
    case 'system':
    case 'user':
      return { role, content: text }
  }
}

function readChoice(choice: Static<typeof HttpToolChoice> | undefined): WantedTools['choice'] {
  if (typeof choice !== 'object') return choice
  if (choice.type === 'function') return { name: choice.function.name }
  const { mode, tools } = choice.allowed_tools
  return { mode, among: tools.map((tool) => tool.function.name) }
}

function readLogprobs(body: ChatBody): Pick<Asked, 'logprobs' | 'topLogprobs'> {
  const { logprobs, top_logprobs: top } = body
  if (logprobs !== true) {
    if ((top ?? 0) === 0) return {}
    throw invalid('top_logprobs', 'top_logprobs needs logprobs to be true')
  }
  return top === undefined ? { logprobs } : { logprobs, topLogprobs: top }
}
