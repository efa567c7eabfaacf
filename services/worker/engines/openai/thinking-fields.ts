/** The wishes about thinking, in the words of each kind of server. They are hints: see `Asked`. */
import type { GenerateRequest } from '../engine.ts'
import { unsupported } from '../errors.ts'
import type { Dialect } from './dialect.ts'

type Effort = NonNullable<GenerateRequest['reasoningEffort']>
type Variables = Record<string, unknown>

export function thinkingFields(
  { reasoningEffort: effort, templateVariables: given = {} }: GenerateRequest,
  dialect: Dialect
): Record<string, unknown> {
  const { takesVariables } = dialect
  const asked = effort ?? (takesVariables ? undefined : effortIn(given))
  const fields = asked === undefined ? {} : effortFields(asked, dialect)
  if (!takesVariables) return fields
  const { chat_template_kwargs: own, ...others } = fields
  const variables = { ...(own as Variables | undefined), ...given }
  const isNone = Object.keys(variables).length === 0
  return isNone ? others : { ...others, chat_template_kwargs: variables }
}

function effortFields(effort: Effort, { effort: way }: Dialect): Record<string, unknown> {
  const off = { chat_template_kwargs: { enable_thinking: false, thinking: false } }
  const word = nearest(effort)
  switch (way) {
    case 'field':
      return { reasoning_effort: effort }
    case 'three':
      return { reasoning_effort: word }
    case 'switched':
      return word === 'none' ? off : { reasoning_effort: word }
    case 'template':
      if (word === 'none') return off
      return { chat_template_kwargs: { enable_thinking: true, reasoning_effort: word } }
  }
}

/** The four values that every server knows; others would be refused there. */
function nearest(effort: Effort): 'none' | 'low' | 'medium' | 'high' {
  if (effort === 'minimal') return 'low'
  return effort === 'xhigh' || effort === 'max' ? 'high' : effort
}

/** A switch for thinking has a field; other variables are for templates that are out of reach. */
function effortIn(variables: Variables): Effort | undefined {
  for (const name of Object.keys(variables)) {
    if (SWITCHES.has(name)) continue
    throw unsupported(
      'templateVariables',
      `the server behind this worker takes no variables for the chat template: leave out ${name}`
    )
  }
  return Object.values(variables).includes(false) ? 'none' : undefined
}

const SWITCHES: ReadonlySet<string> = new Set(['enable_thinking', 'thinking'])
