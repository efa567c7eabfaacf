/** Turns a body of `POST /v1/messages` into a request to the mesh. */
import { Type } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { CountTokensBody, MessagesBody, type Block } from '#shared/contracts/http/anthropic.ts'
import { HttpChatMessage } from '#shared/contracts/http/chat.ts'
import { MESSAGES_MAX, type ChatMessage, type Tool } from '#shared/contracts/inference/chat.ts'
import type { Asked } from '#shared/contracts/inference/request.ts'
import { beginsAnswer } from '../chat/begun-answer.ts'
import { isFields, type Fields } from '../chat/past/calls.ts'
import { mendMessages } from '../chat/past/messages.ts'
import { readMessage } from '../chat/read-message.ts'
import { readSampling } from '../chat/sampling.ts'
import { toolFields } from '../chat/tools.ts'
import { fieldsApplier } from '../http/fields.ts'
import { bodyChecker } from '../http/tolerant-body.ts'
import { checkBody } from '../http/validation.ts'
import { ANTHROPIC_FIELDS } from './field-table.ts'

/** Schemas of tools, and the arguments that they were called with. */
const OPAQUE: ReadonlySet<string> = new Set(['input_schema', 'input'])

export const checkMessagesBody = bodyChecker(MessagesBody, applyFields, OPAQUE)
export const checkCountBody = bodyChecker(CountTokensBody, applyFields, OPAQUE)

const applyToBody = fieldsApplier({ fields: ANTHROPIC_FIELDS.body })
const applyInside = (['thinking', 'output_config'] as const).map((at) => {
  return { at, apply: fieldsApplier({ fields: ANTHROPIC_FIELDS[at], at }) }
})

/** Does with each field what the tables say; what is no object there is named by the check. */
function applyFields(fields: Fields): Fields {
  const body = { ...applyToBody(fields) }
  for (const { at, apply } of applyInside) {
    if (isFields(body[at])) body[at] = apply(body[at])
  }
  return body
}

/** What the prompt is made of; the rest of a body says how to answer it. */
type Prompt = Pick<
  Asked,
  'model' | 'input' | 'tools' | 'toolChoice' | 'parallelToolCalls' | 'reasoningEffort'
> &
  Pick<Asked, 'responseFormat' | 'continueFinal'>

export function readMessages(body: MessagesBody): Asked {
  const asked: Asked = {
    ...readPrompt(body),
    maxTokens: body.max_tokens,
    sampling: readSampling(body)
  }
  if (body.stop_sequences !== undefined && body.stop_sequences.length > 0) {
    asked.stop = body.stop_sequences
  }
  return asked
}

export function readPrompt(body: CountTokensBody): Prompt {
  const messages = [...readSystem(body.system), ...readTurns(body.messages)]
  const { tool_choice: choice } = body
  const prompt: Prompt = {
    model: body.model,
    input: { mode: 'chat', messages },
    reasoningEffort: effortOf(body),
    ...toolFields({
      tools: readCustomTools(body.tools),
      choice: choice === undefined ? undefined : CHOICES[choice.type](choice),
      parallel:
        choice !== undefined && 'disable_parallel_tool_use' in choice
          ? !choice.disable_parallel_tool_use
          : undefined
    })
  }
  const format = body.output_config?.format ?? body.output_format
  if (format !== undefined) prompt.responseFormat = { type: 'jsonSchema', schema: format.schema }
  if (beginsAnswer(messages.at(-1)!, prompt)) prompt.continueFinal = true
  return prompt
}

/** How much the client wants to see of what the model thinks: that it thinks, or all of it. */
export type Thoughts = 'none' | 'omitted' | 'shown'

export function thoughtsOf({ thinking }: CountTokensBody): Thoughts {
  if (thinking === undefined || thinking.type === 'disabled') return 'none'
  return thinking.display === 'omitted' ? 'omitted' : 'shown'
}

type Choice = NonNullable<CountTokensBody['tool_choice']>

const CHOICES = {
  auto: () => 'auto',
  any: () => 'required',
  none: () => 'none',
  tool: (choice: Choice) => ({ name: 'name' in choice ? choice.name : '' })
} as const satisfies Record<Choice['type'], (choice: Choice) => Asked['toolChoice']>

/** The tools that the client runs; an empty list of a choice alone is an error of `toolFields`. */
function readCustomTools(tools: CountTokensBody['tools'] = []): Tool[] {
  const isCustom = (tool: AnyTool): tool is CustomTool =>
    tool.type === undefined || tool.type === 'custom'
  return tools.filter(isCustom).map(({ name, description, input_schema: parameters, strict }) => ({
    name,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(strict === undefined ? {} : { strict })
  }))
}

type AnyTool = NonNullable<CountTokensBody['tools']>[number]
type CustomTool = Extract<AnyTool, { name: string }>

/**
 * Claude Code begins its system text with a line for Anthropic's billing, which differs from
 * request to request: a model has no use for it, and no prefix of the prompt could be cached.
 */
const BILLING = /^x-anthropic-billing-header:/

function readSystem(system: CountTokensBody['system'] = ''): ChatMessage[] {
  const texts = typeof system === 'string' ? [system] : system.map(({ text }) => text)
  const content = texts.filter((text) => text !== '' && !BILLING.test(text)).join('\n\n')
  return content === '' ? [] : [{ role: 'system', content }]
}

const messageList = Compile(
  Type.Object({ messages: Type.Array(HttpChatMessage, { minItems: 1, maxItems: MESSAGES_MAX }) })
)

function readTurns(messages: CountTokensBody['messages']): ChatMessage[] {
  const plain = messages.map(({ role, content }) => ({
    role,
    content: typeof content === 'string' ? content : content.map((block) => plainBlock(block))
  }))
  return checkBody(messageList, { messages: mendMessages(plain) }).messages.map(readMessage)
}

/** Documents whose text is in the body are text. Others stay: the newest turn refuses them. */
function plainBlock(block: Block): Fields {
  const { type, source, title } = block as Fields
  if (type !== 'document' || !isFields(source)) return block
  const text = source['type'] === 'content' ? source['content'] : source['data']
  if (source['type'] !== 'text' && source['type'] !== 'content') return block
  const head = typeof title === 'string' && title !== '' ? `${title}\n\n` : ''
  if (typeof text === 'string') return { type: 'text', text: head + text }
  return Array.isArray(text) ? { type: 'text', content: [head, ...text] } : block
}

/** Tokens to think with, and the effort that stands for them. */
const LOW_BUDGET = 4096
const MEDIUM_BUDGET = 16_384

/** Anthropic's models think only when told to. */
function effortOf({ thinking, output_config: config }: CountTokensBody): Effort {
  if (thinking === undefined || thinking.type === 'disabled') return 'none'
  const effort = EFFORTS.find((name) => name === config?.effort)
  if (effort !== undefined) return effort
  if (thinking.type === 'adaptive' || thinking.budget_tokens === undefined) return 'medium'
  if (thinking.budget_tokens <= LOW_BUDGET) return 'low'
  return thinking.budget_tokens <= MEDIUM_BUDGET ? 'medium' : 'high'
}

type Effort = NonNullable<Asked['reasoningEffort']>

const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const
