/**
 * The tool call that the simulated engine makes when it must. Like its text, the call is a function
 * of the prompt alone, token by token, so that it can be resumed anywhere. `auto` is answered with
 * text.
 */
import { createHash } from 'node:crypto'
import type { Tool, ToolChoice } from '#shared/contracts/inference/chat.ts'
import type { ToolCallDelta } from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'
import { CHARACTERS_PER_TOKEN, simAnswer } from './sim-text.ts'

/** Returns the part of the call that each token adds, or null when the answer is text. */
export function simCall(
  prompt: string,
  tools: readonly Tool[] = [],
  choice: ToolChoice = 'auto'
): ToolCallDelta[] | null {
  if (tools.length === 0 || choice === 'auto' || choice === 'none') return null
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
