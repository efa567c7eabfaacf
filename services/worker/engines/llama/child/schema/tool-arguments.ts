/**
 * The rules of a tool's arguments. Only `strict` promises the schema: without it, the schema
 * describes the arguments to the model, and what no grammar can keep of it is left out.
 */
import type { Tool } from '#shared/contracts/inference/chat.ts'
import { HaifError } from '#shared/errors.ts'
import type { Parameter, SchemaRules } from './schema-rules.ts'

const NO_PARAMETERS = { type: 'object', properties: {}, additionalProperties: false }
const ANY_OBJECT = { type: 'object' }

/** Adds the rules and returns the name of the one for the object of all arguments. */
export function argumentsRule(rules: SchemaRules, tool: Tool): string {
  const { parameters = NO_PARAMETERS, strict = false } = tool
  try {
    return rules.add(parameters, strict ? 'exact' : 'widened')
  } catch (error) {
    refuseStrict(tool, error)
    return rules.add(ANY_OBJECT)
  }
}

/** Adds the rules of each argument; null where the schema has no arguments of their own. */
export function parametersOf(rules: SchemaRules, tool: Tool): Parameter[] | null {
  const { parameters = NO_PARAMETERS, strict = false } = tool
  try {
    return rules.parameters(parameters, strict ? 'exact' : 'widened')
  } catch (error) {
    refuseStrict(tool, error)
    return null
  }
}

function refuseStrict({ name, strict = false }: Tool, error: unknown): void {
  if (!(error instanceof HaifError)) throw error
  if (!strict) return
  const { code, message } = error
  const details = { param: 'tools' }
  throw new HaifError(code, `the tool ${name}: ${message}`, { cause: error, details })
}
