/**
 * Values that clients send where they mean nothing: an empty field of a form, another server's
 * "no limit", a name of another API. They are taken for what is meant, and none changes an answer.
 */
import { MAX_TOKENS_MAX } from '#shared/contracts/inference/answer.ts'
import { isFields, type Fields } from '../../chat/past/calls.ts'

/** Returns undefined where the field counts as absent. */
type Mend = (value: unknown) => unknown

/** Returns the fields with such values mended; others are left to the check of the body. */
export function mendValues(body: Fields): Fields {
  const mended: Fields = {}
  for (const [name, value] of Object.entries(body)) {
    const plain = MENDS[name]?.(value) ?? (MENDS[name] === undefined ? value : undefined)
    if (plain !== undefined) mended[name] = plain
  }
  // Who wants the prompt alone wants no answer.
  if (body['echo'] === true && body['max_tokens'] === 0) mended['max_tokens'] = 0
  if (mended['logprobs'] === false) delete mended['top_logprobs']
  return mended
}

/** -1 and 0 mean no limit; so does more than any context holds. */
const limit: Mend = (value) => {
  if (typeof value !== 'number' || !Number.isInteger(value)) return value
  return value < 1 || value > MAX_TOKENS_MAX ? MAX_TOKENS_MAX : value
}

const stop: Mend = (value) => {
  if (!Array.isArray(value)) return value === '' ? undefined : value
  const texts = value.filter((text) => text !== '' && text !== null)
  return texts.length === 0 ? undefined : texts
}

/** llama.cpp also takes pairs, in which `false` forbids a token. */
const logitBias: Mend = (value) => {
  if (!Array.isArray(value)) return value
  const pairs = value.map((pair) => (Array.isArray(pair) ? pair : []) as unknown[])
  if (!pairs.every(([token]) => Number.isInteger(token))) return value
  return Object.fromEntries(
    pairs.map(([token, bias]) => [String(token), bias === false ? -BIAS_MAX : bias])
  )
}

const BIAS_MAX = 100

const EFFORTS: ReadonlySet<unknown> = new Set([
  'none',
  'minimal',
  'low',
  'medium',
  'high',
  'xhigh',
  'max'
])

/** A word that is no effort of ours asks for the model's own. */
export const mendEffort: Mend = (value) => {
  if (typeof value !== 'string') return value
  const word = value.toLowerCase()
  if (['off', 'disabled', 'disable', 'false'].includes(word)) return 'none'
  return EFFORTS.has(word) ? word : undefined
}

/** `any` of Mistral, types of Anthropic, a function named without its type or in another place. */
const toolChoice: Mend = (value) => {
  if (value === '') return undefined
  if (typeof value === 'string') return WORDS[value] ?? value
  if (!isFields(value)) return value
  const { type, name, function: called } = value
  if (typeof type === 'string' && WORDS[type] !== undefined) return WORDS[type]
  if (type !== undefined && type !== 'function' && type !== 'tool') return value
  const own = isFields(called) ? called['name'] : name
  return own === undefined ? value : { type: 'function', name: own }
}

const WORDS: Readonly<Record<string, string>> = {
  auto: 'auto',
  none: 'none',
  any: 'required',
  required: 'required'
}

/** The schema stands beside the type at llama.cpp, Together and others; some send only a word. */
const responseFormat: Mend = (value) => {
  if (value === '' || value === 'text') return undefined
  if (value === 'json' || value === 'json_object') return { type: 'json_object' }
  if (!isFields(value)) return value
  const { type, schema, json_schema: inner } = value
  if (type === undefined || type === '') {
    const asked = schema ?? (isFields(inner) ? inner['schema'] : undefined)
    return asked === undefined ? (inner === undefined ? undefined : value) : formOf(asked)
  }
  if (type === 'json_object') {
    const isAny = schema === undefined || (isFields(schema) && Object.keys(schema).length === 0)
    return isAny ? { type } : formOf(schema)
  }
  if (type !== 'json_schema') return value
  if (schema !== undefined && inner === undefined) return formOf(schema)
  if (!isFields(inner)) return value
  if (inner['schema'] === undefined) return mendWrapper(value, inner)
  return { ...value, json_schema: { ...inner, schema: bool(inner['schema']) } }
}

/** Some clients leave out the wrapper's own level. */
function mendWrapper(value: Fields, inner: Fields): unknown {
  const isSchema = ['type', 'properties', 'anyOf', '$ref', 'enum', 'const'].some((key) =>
    Object.hasOwn(inner, key)
  )
  return isSchema ? formOf(inner) : value
}

const formOf = (schema: unknown) => ({
  type: 'json_schema',
  json_schema: { schema: bool(schema) }
})

/** `true` is the schema of anything. */
const bool = (schema: unknown): unknown => (schema === true ? {} : schema)

const MENDS: Readonly<Record<string, Mend>> = {
  max_tokens: limit,
  max_completion_tokens: limit,
  max_output_tokens: limit,
  top_k: (value) => (value === -1 ? 0 : value),
  seed: (value) => (value === -1 ? undefined : value),
  stop,
  logit_bias: logitBias,
  user: (value) => (typeof value === 'number' ? String(value) : value),
  reasoning_effort: mendEffort,
  tool_choice: toolChoice,
  response_format: responseFormat
}
