/** Turns an orchestrator's request into the one that an engine gets. */
import { tokensIn } from '#shared/contracts/inference/answer.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { Asked, AttemptRequest, Sent } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import type { GenerateRequest } from '../engines/engine.ts'

/** `digest` is the one of the file that the model was loaded from. */
export function toGenerate(
  { asked, sent, cacheScope }: AttemptRequest,
  digest: string
): GenerateRequest {
  const { input, maxTokens, sampling, stop, responseFormat, logprobs, topLogprobs } = asked
  const { tools = [], toolChoice = 'auto', parallelToolCalls, reasoningEffort } = asked
  const begun = begunAnswer(asked)
  const generate: GenerateRequest = { input: begun?.input ?? input, maxTokens, sampling }
  if (stop !== undefined) generate.stop = stop
  if (responseFormat !== undefined) generate.responseFormat = responseFormat
  if (logprobs !== undefined) generate.logprobs = logprobs
  if (topLogprobs !== undefined) generate.topLogprobs = topLogprobs
  if (asked.promptLogprobs === true) Object.assign(generate, promptFields(sent, digest))
  if (tools.length > 0 && toolChoice !== 'none') {
    generate.tools = tools
    generate.toolChoice = toolChoice
    if (parallelToolCalls !== undefined) generate.parallelToolCalls = parallelToolCalls
  }
  if (reasoningEffort !== undefined) generate.reasoningEffort = reasoningEffort
  if (asked.templateVariables !== undefined) generate.templateVariables = asked.templateVariables
  if (cacheScope !== undefined) generate.cacheScope = cacheScope
  return Object.assign(generate, resumeFields(begun?.message, sent, digest))
}

/** An answer that has begun has told all of its prompt. */
function promptFields(
  sent: Sent | undefined,
  digest: string
): Pick<GenerateRequest, 'promptLogprobs' | 'resumePromptTokens'> {
  const { promptTokens: resumePromptTokens = 0 } = sent ?? {}
  if (sent === undefined || resumePromptTokens === 0) return { promptLogprobs: true }
  if (tokensIn(sent) > 0) return {}
  if (sent.digest === digest) return { promptLogprobs: true, resumePromptTokens }
  throw new HaifError('ENGINE_FAILED', 'another model file has told a part of the prompt')
}

type ResumeFields = Pick<
  GenerateRequest,
  'resumeTokenIds' | 'resumeText' | 'resumeTokens' | 'resumeReasoning'
>

/**
 * A message that the answer continues has text and no ids, so what was sent after it goes on by
 * text too, with the same file.
 */
function resumeFields(
  begun: ChatMessage | undefined,
  sent: Sent | undefined,
  digest: string
): ResumeFields {
  if (begun === undefined && sent === undefined) return {}
  const { tokenIds = [], text = '', reasoning = '', toolCalls = [] } = sent ?? {}
  if (begun === undefined && sent?.digest === digest) return { resumeTokenIds: tokenIds }
  if (toolCalls.length > 0) throw cannotGoOnAfterCalls()
  const resume: ResumeFields = {
    resumeTokenIds: tokenIds,
    resumeText: (begun?.content ?? '') + text,
    resumeTokens: sent === undefined ? 0 : tokensIn(sent)
  }
  const thought = (begun?.reasoning ?? '') + reasoning
  return thought === '' ? resume : { ...resume, resumeReasoning: thought }
}

/** The chat before the message that the answer continues, and that message. */
function begunAnswer({ input, continueFinal }: Asked) {
  if (continueFinal !== true || input.mode !== 'chat') return null
  const message = input.messages.at(-1)!
  if (message.role !== 'assistant' || message.toolCalls !== undefined) return null
  if (input.messages.length === 1) return null // no template renders a chat without messages
  const before = { mode: 'chat' as const, messages: input.messages.slice(0, -1) }
  return { input: before, message }
}

/** Another file's tokens mean nothing here, and calls are no text. Another worker may go on. */
const cannotGoOnAfterCalls = (): HaifError =>
  new HaifError(
    'ENGINE_FAILED',
    'the answer has tool calls that another model file has written: this one cannot go on with them'
  )
