/** Reads the tools that a request offers, and which of them the model may or must call. */
import type { ServerResponse } from 'node:http'
import type { Tool, ToolChoice } from '#shared/contracts/inference/chat.ts'
import type { Asked } from '#shared/contracts/inference/request.ts'
import { isFields, type Fields } from './past/calls.ts'
import { invalid } from '../http/refusal.ts'

/** Where an API writes a function: beside the type, or under `function`. */
type Form = 'flat' | 'nested'

/** Brings tools into the form of the API, which clients of the other one mix up. */
export function mendTools(tools: unknown, form: Form): unknown {
  return Array.isArray(tools) ? tools.map((tool) => mendTool(tool, form)) : tools
}

function mendTool(tool: unknown, form: Form): unknown {
  if (!isFields(tool)) return tool
  const { type = 'function', function: nested, ...beside } = tool
  if (type !== 'function' || (nested === undefined) === (form === 'flat')) return { type, ...tool }
  return form === 'nested' ? { type, function: beside } : { ...fieldsOf(nested), type }
}

const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {})

/**
 * Agents offer the tools of their own vendor beside functions, and work without them: so tools of
 * other types are left out, and the header says so.
 */
const SKIPPED_HEADER = 'x-haif-skipped-tools'

/** Sets the header where there are such tools; on the raw response, so that streams have it too. */
export function tellSkippedTools(tools: readonly AnyTool[] = [], response: ServerResponse): void {
  const names = tools.flatMap((tool) => (tool.type === 'function' ? [] : [nameOf(tool)]))
  if (names.length > 0) response.setHeader(SKIPPED_HEADER, names.join(', ').slice(0, HEADER_MAX))
}

const HEADER_MAX = 1024

function nameOf({ type, ...others }: AnyTool): string {
  const own = others as Fields
  const { name } = isFields(own[type]) ? own[type] : own
  const text = typeof name === 'string' && name !== '' ? `${type}:${name}` : type
  return text.replaceAll(/[^\x21-\x7e]/g, '?')
}

interface AnyTool {
  type: string
}
type FunctionIn<Tools extends AnyTool> = Extract<Tools, { type: 'function' }>

/** `given` finds the function in a tool. */
export function readTools<Any extends AnyTool>(
  tools: readonly Any[] | undefined,
  given: (tool: FunctionIn<Any>) => GivenTool
): Tool[] {
  const isFunction = (tool: Any): tool is FunctionIn<Any> => tool.type === 'function'
  return (tools ?? []).filter(isFunction).map((tool) => readTool(given(tool)))
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

function readTool({ name, description, parameters, strict }: GivenTool): Tool {
  const tool: Tool = { name }
  if (description !== undefined) tool.description = description
  if (parameters !== undefined) tool.parameters = parameters
  if (strict !== undefined) tool.strict = strict
  return tool
}
