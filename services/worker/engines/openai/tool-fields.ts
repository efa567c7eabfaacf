/** Tools, and the choice among them, in the form of the OpenAI protocol. */
import type { ToolChoice } from '#shared/contracts/inference/chat.ts'
import type { HaifError } from '#shared/errors.ts'
import type { GenerateRequest } from '../engine.ts'
import { unsupported } from '../errors.ts'
import type { Dialect } from './dialect.ts'

export function toolFields(request: GenerateRequest, dialect: Dialect): Record<string, unknown> {
  const { tools, toolChoice = 'auto', parallelToolCalls } = request
  if (tools === undefined) return {}
  const asked = {
    toolChoice: toolChoice !== 'auto',
    parallelToolCalls: parallelToolCalls === false
  }
  for (const [param, isAsked] of Object.entries(asked)) {
    if (isAsked && !dialect.choosesTools) throw ignored(param)
  }
  return {
    tools: tools.map(({ strict, ...tool }) => {
      return { type: 'function', function: strict === undefined ? tool : { ...tool, strict } }
    }),
    ...(asked.toolChoice ? { tool_choice: choiceOf(toolChoice) } : {}),
    ...(parallelToolCalls === undefined || !dialect.choosesTools
      ? {}
      : { parallel_tool_calls: parallelToolCalls })
  }
}

const choiceOf = (choice: ToolChoice) =>
  typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } }

const ignored = (param: string): HaifError =>
  unsupported(
    param,
    `the server behind this worker ignores ${param}: leave it out, or use another model`
  )
