/** Turns bodies of `/api/chat` and `/api/generate` into requests to the mesh. */
import { Type } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { HttpChatMessage } from '#shared/contracts/http/chat.ts'
import {
  OllamaChatBody,
  OllamaGenerateBody,
  type OllamaOptions
} from '#shared/contracts/http/ollama.ts'
import { MAX_TOKENS_MAX } from '#shared/contracts/inference/answer.ts'
import { MESSAGES_MAX, type ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { Asked, ResponseFormat } from '#shared/contracts/inference/request.ts'
import { beginsAnswer } from '../chat/begun-answer.ts'
import { isFields, type Fields } from '../chat/past/calls.ts'
import { mendMessages } from '../chat/past/messages.ts'
import { readMessage } from '../chat/read-message.ts'
import { NO_LIMIT, readSampling, readStop } from '../chat/sampling.ts'
import { readTools, toolFields } from '../chat/tools.ts'
import { fieldsApplier } from '../http/fields.ts'
import { bodyChecker } from '../http/tolerant-body.ts'
import { checkBody } from '../http/validation.ts'
import { OLLAMA_FIELDS } from './field-table.ts'

const applyOptions = fieldsApplier({ fields: OLLAMA_FIELDS.options, at: 'options' })
const MAPPINGS = {
  think: (value: unknown, rest: Fields) => (value === '' ? rest : { ...rest, think: value })
}

export const checkChatBody = bodyChecker(OllamaChatBody, mendBody('chat'))
export const checkGenerateBody = bodyChecker(OllamaGenerateBody, mendBody('generate'))

/** An empty field of a form asks for nothing. */
function mendBody(endpoint: 'chat' | 'generate'): (fields: Fields) => Fields {
  const apply = fieldsApplier({ fields: OLLAMA_FIELDS[endpoint], mappings: MAPPINGS })
  return (fields) => {
    const { format, options, ...rest } = apply(fields)
    return {
      ...rest,
      ...(format === '' || format === undefined ? {} : { format }),
      ...(options === undefined
        ? {}
        : { options: isFields(options) ? applyOptions(options) : options })
    }
  }
}

/** Returns null where nothing is asked but whether the model is there. */
export function readChat(body: OllamaChatBody): Asked | null {
  if (body.messages === undefined || body.messages.length === 0) return null
  const messages = readTurns(body.messages)
  const asked: Asked = {
    input: { mode: 'chat', messages },
    ...readCommon(body),
    ...toolFields({
      tools: readTools(body.tools, (tool) => tool.function),
      choice: undefined,
      parallel: undefined
    })
  }
  if (beginsAnswer(messages.at(-1)!, asked)) asked.continueFinal = true
  return asked
}

export function readGenerate(body: OllamaGenerateBody): Asked | null {
  const { prompt = '', system = '', raw = false } = body
  if (prompt === '') return null
  if (raw) return { input: { mode: 'direct', prompt }, ...readCommon(body) }
  const messages: ChatMessage[] = system === '' ? [] : [{ role: 'system', content: system }]
  messages.push({ role: 'user', content: prompt })
  return { input: { mode: 'chat', messages }, ...readCommon(body) }
}

type Common = Pick<
  OllamaChatBody,
  'model' | 'options' | 'format' | 'think' | 'logprobs' | 'top_logprobs'
>

function readCommon(body: Common): Omit<Asked, 'input'> {
  const { options = {}, format, think, logprobs, top_logprobs: top = 0 } = body
  const { repeat_penalty: repetition, ...sampling } = options
  const common: Omit<Asked, 'input'> = {
    model: body.model,
    maxTokens: tokensOf(options),
    sampling: readSampling({
      ...sampling,
      ...(repetition === undefined ? {} : { repetition_penalty: repetition })
    })
  }
  const stop = readStop(options.stop)
  if (stop !== undefined) common.stop = stop
  if (format !== undefined) common.responseFormat = readFormat(format)
  if (think !== undefined) common.reasoningEffort = effortOf(think)
  if (logprobs === true) Object.assign(common, { logprobs, topLogprobs: top })
  return common
}

function tokensOf({ num_predict: tokens = -1 }: OllamaOptions): number {
  return tokens < 1 ? NO_LIMIT : Math.min(tokens, MAX_TOKENS_MAX)
}

const readFormat = (format: NonNullable<Common['format']>): ResponseFormat =>
  format === 'json' ? { type: 'json' } : { type: 'jsonSchema', schema: format }

function effortOf(think: NonNullable<Common['think']>): NonNullable<Asked['reasoningEffort']> {
  if (typeof think === 'string') return think
  return think ? 'medium' : 'none'
}

type Turns = NonNullable<OllamaChatBody['messages']>

const messageList = Compile(
  Type.Object({ messages: Type.Array(HttpChatMessage, { minItems: 1, maxItems: MESSAGES_MAX }) })
)

function readTurns(turns: Turns): ChatMessage[] {
  const messages = mendMessages(turns.map((turn) => plainTurn(turn)))
  return checkBody(messageList, { messages }).messages.map(readMessage)
}

/** Brings a turn into the form of the other APIs: images are parts, and a result has a name. */
function plainTurn({ images = [], tool_name: name, ...turn }: Turns[number]): Fields {
  const { content = '' } = turn
  const pictures = images.map((data) => ({ type: 'image', data }))
  return {
    ...turn,
    ...(name === undefined ? {} : { name }),
    content: pictures.length === 0 ? content : [{ type: 'text', text: content }, ...pictures]
  }
}
