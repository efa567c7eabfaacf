/** Reads the tools that a request offers, and which of them the model may or must call. */
import type { Tool, ToolChoice } from '#shared/contracts/inference/chat.ts'
import type { Asked } from '#shared/contracts/inference/request.ts'
import { invalid, type Refusal } from './body.ts'

/** Refuses tools of another type; other faults are left to the schema, which names them better. */
export const OTHER_TOOLS: Refusal = {
  why: 'HAIF has no tools of its own, only those of type `function`, which the client runs',
  unless: (tools) => !Array.isArray(tools) || !tools.some((tool) => isOfOtherType(tool))
}

function isOfOtherType(tool: unknown): boolean {
  const { type } = (tool ?? {}) as { type?: unknown }
  return typeof type === 'string' && type !== 'function'
}

/** The tools of a request, in a form that both APIs can be read into. */
export interface WantedTools {
  tools: Tool[]
  choice: ToolChoice | { mode: 'auto' | 'required'; among: string[] } | undefined
  parallel: boolean | undefined
}

type ToolFields = Pick<Asked, 'tools' | 'toolChoice' | 'parallelToolCalls'>

export function toolFields({ tools, choice, parallel }: WantedTools): ToolFields {
  const named = new Set(tools.map(({ name }) => name))
  for (const name of namesIn(choice)) {
    if (!named.has(name))
      throw invalid('tool_choice', `tool_choice names ${name}, which is no tool`)
  }
  if (tools.length === 0) {
    if (choice !== 'required') return {}
    throw invalid('tool_choice', 'tool_choice is "required" and there are no tools')
  }
  if (named.size < tools.length) throw invalid('tools', 'two tools have the same name')
  const fields: ToolFields = { tools }
  if (typeof choice === 'object' && 'among' in choice) {
    fields.tools = tools.filter(({ name }) => choice.among.includes(name))
    fields.toolChoice = choice.mode
  } else if (choice !== undefined) fields.toolChoice = choice
  if (parallel !== undefined) fields.parallelToolCalls = parallel
  return fields
}

function namesIn(choice: WantedTools['choice']): string[] {
  if (typeof choice !== 'object') return []
  return 'among' in choice ? choice.among : [choice.name]
}

interface GivenTool {
  name: string
  description?: string
  parameters?: Record<string, unknown>
  strict?: boolean
}

export function readTool({ name, description, parameters, strict }: GivenTool): Tool {
  const tool: Tool = { name }
  if (description !== undefined) tool.description = description
  if (parameters !== undefined) tool.parameters = parameters
  if (strict !== undefined) tool.strict = strict
  return tool
}
