/** Translates fields of other servers into those of the contract. */
import type { Mapping } from '../../http/fields.ts'
import { invalid, unsupported } from '../../http/refusal.ts'
import { isFields, type Fields } from '../../chat/past/calls.ts'

/** A name of the contract wins over another name for the same thing. */
const renamed =
  (to: string): Mapping =>
  (value, rest) => ({ [to]: value, ...rest })

export const MAPPINGS: Readonly<Record<string, Mapping>> = {
  n_predict: (value, { max_completion_tokens: own, ...rest }) =>
    own === undefined ? { max_tokens: value, ...rest } : { ...rest, max_completion_tokens: own },
  n_cmpl: renamed('n'),
  repeat_penalty: renamed('repetition_penalty'),
  random_seed: renamed('seed'),
  documents: (value, rest) => withVariables({ documents: value }, rest),
  guided_json: (value, rest) => withForm('guided_json', formOf(parsed(value, 'guided_json')), rest),
  json_schema: (value, rest) => withForm('json_schema', formOf(value), rest),
  format: (value, rest) =>
    withForm('format', value === 'json' ? JSON_OBJECT : formOf(parsed(value, 'format')), rest),
  structured_outputs: (value, rest) => structured(value, rest),
  enable_thinking: (value, rest) => thinking(value, 'enable_thinking', rest),
  think: (value, rest) => thinking(value, 'think', rest),
  thinking: (value, rest) => thinking(isFields(value) ? switchOf(value) : value, 'thinking', rest),
  reasoning: (value, rest) => reasoning(value, rest)
}

const JSON_OBJECT = { type: 'json_object' }
const formOf = (schema: unknown) => ({ type: 'json_schema', json_schema: { schema } })

/** Python clients of vLLM send a schema as a text, too. */
function parsed(value: unknown, param: string): unknown {
  if (typeof value !== 'string' || value === '') return value
  try {
    return JSON.parse(value)
  } catch (error) {
    const problem = `${param} is no JSON schema: ${(error as Error).name}`
    throw invalid(param, problem)
  }
}

function withForm(name: string, form: Fields, rest: Fields): Fields {
  const schema = isFields(form['json_schema']) ? form['json_schema']['schema'] : true
  if (schema === undefined || schema === '') return rest
  const { response_format: own } = rest
  const asksNothing = own === undefined || (isFields(own) && own['type'] === 'text')
  if (asksNothing) return { ...rest, response_format: form }
  throw invalid(name, `${name} and response_format both ask for a form: send one of them`)
}

function structured(value: unknown, rest: Fields): Fields {
  const given = isFields(value) ? value : {}
  if (given['json'] !== undefined) {
    const schema = parsed(given['json'], 'structured_outputs.json')
    return withForm('structured_outputs', formOf(schema), rest)
  }
  if (given['json_object'] === true) return withForm('structured_outputs', JSON_OBJECT, rest)
  const [other] = Object.keys(given).filter((key) => !FORMS_OF_FORMS.has(key))
  if (other === undefined) return rest
  throw unsupported(
    `structured_outputs.${other}`,
    `structured_outputs.${other} is not supported: use its json with a JSON schema` +
      (other === 'choice' ? ', such as {"enum": [...]}' : '')
  )
}

/** Options of `structured_outputs` that say how, and not what. */
const FORMS_OF_FORMS: ReadonlySet<string> = new Set([
  'json_object',
  'disable_any_whitespace',
  'disable_additional_properties',
  'backend'
])

/** `{type: "disabled"}` and the like, of Anthropic, Z.ai and DeepSeek. */
function switchOf(value: Fields): unknown {
  if (typeof value['enabled'] === 'boolean') return value['enabled']
  return typeof value['type'] === 'string' ? value['type'] !== 'disabled' : undefined
}

/**
 * On sets the variables by which templates turn thinking on; off is the effort `none`, for which
 * an engine also knows other ways.
 */
function thinking(value: unknown, name: string, rest: Fields): Fields {
  if (value === undefined || value === '') return rest
  if (value === false || value === 'false') return { reasoning_effort: 'none', ...rest }
  if (value === true || value === 'true') {
    return withVariables({ enable_thinking: true, thinking: true }, rest)
  }
  if (typeof value === 'string') return { reasoning_effort: value, ...rest }
  throw invalid(name, `${name} must be true, false, or a reasoning effort such as "low"`)
}

/** `{effort}`, as in the Responses API and at OpenRouter, which also has `{enabled}`. */
function reasoning(value: unknown, rest: Fields): Fields {
  if (!isFields(value)) return thinking(value, 'reasoning', rest)
  const { effort, enabled, max_tokens: budget } = value
  if (effort !== undefined) return { reasoning_effort: effort, ...rest }
  if (budget !== undefined) {
    throw unsupported('reasoning.max_tokens', 'reasoning.max_tokens is not supported: use effort')
  }
  return thinking(enabled, 'reasoning.enabled', rest)
}

function withVariables(variables: Fields, rest: Fields): Fields {
  const { chat_template_kwargs: own } = rest
  if (own !== undefined && !isFields(own)) return rest // the check of the body names it
  return { ...rest, chat_template_kwargs: { ...variables, ...own } }
}
