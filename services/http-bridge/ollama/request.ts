/** Turns bodies of `/api/chat` and `/api/generate` into requests to the mesh. */
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
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
import { unsupported } from '../http/refusal.ts'
import { bodyChecker, refuseFields } from '../http/tolerant-body.ts'
import { checkBody } from '../http/validation.ts'
import { OPTION_REFUSALS, REFUSALS } from './refusals.ts'

export const checkChatBody = bodyChecker(OllamaChatBody, mendBody)
export const checkGenerateBody = bodyChecker(OllamaGenerateBody, mendBody)

/** An empty field of a form asks for nothing. */
function mendBody(fields: Fields): Fields {
  refuseFields(fields, REFUSALS)
  const { options } = fields
  if (isFields(options)) refuseFields(options, OPTION_REFUSALS)
  const { format, think, ...rest } = fields
  return {
    ...rest,
    ...(format === '' || format === undefined ? {} : { format }),
    ...(think === '' || think === undefined ? {} : { think })
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
  const { prompt = '', system = '', raw = false, images = [] } = body
  if (prompt === '') return null
  if (images.length > 0) throw unsupported('images', NO_IMAGES)
  if (raw) return { input: { mode: 'direct', prompt }, ...readCommon(body) }
  const messages: ChatMessage[] = system === '' ? [] : [{ role: 'system', content: system }]
  messages.push({ role: 'user', content: prompt })
  return { input: { mode: 'chat', messages }, ...readCommon(body) }
}

const NO_IMAGES = 'images: the models here read text only: leave them out, or say what is on them'

type Common = Pick<OllamaChatBody, 'model' | 'options' | 'format' | 'think'>

function readCommon(body: Common): Omit<Asked, 'input'> {
  const { options = {}, format, think } = body
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
  const pictures = images.map(() => ({ type: 'image' }))
  return {
    ...turn,
    ...(name === undefined ? {} : { name }),
    content: pictures.length === 0 ? content : [{ type: 'text', text: content }, ...pictures]
  }
}
