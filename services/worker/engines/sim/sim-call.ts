/**
 * The tool call that the simulated engine makes when it must, or when the user's last message asks
 * for what a tool is named after. Like its text, the call is a function of the prompt alone, token
 * by token, so that it can be resumed anywhere.
 */
import { createHash } from 'node:crypto'
import type { Tool, ToolChoice } from '#shared/contracts/inference/chat.ts'
import type { ToolCallDelta } from '#shared/contracts/inference/answer.ts'
import type { InferenceInput } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import type { GenerateRequest } from '../engine.ts'
import { CHARACTERS_PER_TOKEN, simAnswer } from './sim-text.ts'

type ToolRequest = Pick<GenerateRequest, 'input' | 'tools' | 'toolChoice'>

/** Returns the part of the call that each token adds, or null when the answer is text. */
export function simCall(
  prompt: string,
  { input, tools = [], toolChoice: choice = 'auto' }: ToolRequest
): ToolCallDelta[] | null {
  if (choice === 'auto') {
    const name = toolAskedFor(input, tools)
    return name === null ? null : simCall(prompt, { input, tools, toolChoice: { name } })
  }
  if (tools.length === 0 || choice === 'none') return null
  const hash = createHash('sha256').update(prompt).update('call').digest()
  const { name, parameters = {} } = chosen(tools, choice, hash.readUInt32LE(0))
  const text = JSON.stringify(valueOf({ type: 'object', ...parameters }, prompt))
  const pieces = text.match(new RegExp(`.{1,${CHARACTERS_PER_TOKEN}}`, 'gs')) ?? []
  const id = `call_${hash.toString('hex').slice(0, 24)}`
  return [
    { index: 0, id, name, arguments: '' },
    ...pieces.map((piece) => ({ index: 0, arguments: piece }))
  ]
}

/**
 * `get_weather` for "What is the weather in Paris?". Agents let a message of the system follow that
 * of the user.
 */
function toolAskedFor(input: InferenceInput, tools: readonly Tool[]): string | null {
  const last =
    input.mode === 'chat' ? input.messages.findLast(({ role }) => role !== 'system') : undefined
  if (last?.role !== 'user') return null
  const words = new Set(last.content.toLowerCase().match(/[a-z]+/g))
  const isAskedFor = ({ name }: Tool) =>
    name
      .toLowerCase()
      .split(/[^a-z]+/)
      .some((word) => word.length >= WORD_LENGTH_MIN && words.has(word))
  return tools.find(isAskedFor)?.name ?? null
}

/** Shorter words, such as `get`, are in names of all tools. */
const WORD_LENGTH_MIN = 5

function chosen(tools: readonly Tool[], choice: ToolChoice, hash: number): Tool {
  const tool =
    typeof choice === 'string'
      ? tools[hash % tools.length]
      : tools.find(({ name }) => name === choice.name)
  if (tool !== undefined) return tool
  const message = 'toolChoice names a tool that is not among the tools'
  throw new HaifError('VALIDATION_FAILED', message, { details: { param: 'toolChoice' } })
}

type Schema = Record<string, unknown>
const DEPTH_MAX = 8

/** Makes a value of the schema's type; of the other keywords only `enum` is honoured. */
function valueOf(schema: Schema, prompt: string, depth = 0): unknown {
  const { type, enum: values, properties } = schema
  if (Array.isArray(values) && values.length > 0) return values[0]
  const number = simAnswer(prompt)(depth).id
  switch (Array.isArray(type) ? type[0] : type) {
    case 'object':
      if (depth >= DEPTH_MAX || typeof properties !== 'object' || properties === null) return {}
      return Object.fromEntries(
        Object.entries(properties).map(([name, each]) => {
          return [name, valueOf((each ?? {}) as Schema, `${prompt}${name}`, depth + 1)]
        })
      )
    case 'array':
      return []
    case 'number':
    case 'integer':
      return number
    case 'boolean':
      return number % 2 === 0
    case 'null':
      return null
    default:
      return `w${number.toString(36)}`
  }
}
