/** Turns a body of `POST /v1/chat/completions` into requests to the mesh. */
import { ChatBody, type HttpToolChoice } from '#shared/contracts/http/chat.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { Asked } from '#shared/contracts/inference/request.ts'
import type { Static } from 'typebox'
import { readFormat } from '../../infer/request.ts'
import { beginsAnswer, canContinue } from '../../chat/begun-answer.ts'
import { bodyChecker } from '../../http/tolerant-body.ts'
import { applyFields } from '../fields/apply-fields.ts'
import { mendValues } from '../fields/odd-values.ts'
import { isFields } from '../../chat/past/calls.ts'
import { mendMessages } from '../../chat/past/messages.ts'
import { readMessage } from '../../chat/read-message.ts'
import { invalid } from '../../http/refusal.ts'
import { choicesOf, NO_LIMIT, readSampling, readStop } from '../../chat/sampling.ts'
import { mendTools, readTools, toolFields, type WantedTools } from '../../chat/tools.ts'

export const checkChatBody = bodyChecker(ChatBody, (fields) => {
  const mended = mendValues(applyFields(fields, 'chat'))
  if ('tools' in mended) mended['tools'] = mendTools(mended['tools'], 'nested')
  const { tool_choice: choice } = mended
  // Both APIs know a named function: this one has its name a level deeper.
  if (isFields(choice) && choice['type'] === 'function') {
    mended['tool_choice'] = { type: 'function', function: { name: choice['name'] } }
  }
  if ('messages' in mended) mended['messages'] = mendMessages(mended['messages'])
  return mended
})

/** Returns one request for each choice. */
export function readChat(body: ChatBody): Asked[] {
  const messages = body.messages.map(readMessage)
  const asked: Asked = {
    input: { mode: 'chat', messages },
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? NO_LIMIT,
    sampling: readSampling(body),
    ...toolFields({
      tools: readTools(body.tools, (tool) => tool.function),
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
  const { chat_template_kwargs: variables = {} } = body
  if (Object.keys(variables).length > 0) asked.templateVariables = variables
  if (continuesFinal(body, messages.at(-1)!, asked)) asked.continueFinal = true
  return choicesOf(asked, body.n ?? 1)
}

/**
 * `add_generation_prompt: true` and `continue_final_message: false` ask for a new turn after a
 * message of the assistant, as vLLM has it.
 */
function continuesFinal(body: ChatBody, last: ChatMessage, asked: Asked): boolean {
  const { continue_final_message: wanted, add_generation_prompt: opens } = body
  if (wanted === false) return false
  if (wanted === undefined) return opens !== true && beginsAnswer(last, asked)
  const param = 'continue_final_message'
  if (opens === true) {
    throw invalid(param, `${param} and add_generation_prompt exclude each other: send one of them`)
  }
  if (canContinue(last)) return true
  const isCalling = last.role === 'assistant'
  throw invalid(
    param,
    isCalling
      ? `${param} can continue a text, and the last message calls tools: send their results`
      : `${param} needs a last message of role "assistant"`
  )
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
