/**
 * Tool calls as clients send them back: made by other models and servers, cut where an answer was
 * cut, and sometimes rewritten on the way. None is refused; each gets an id, a name and arguments.
 */
import { hash } from 'node:crypto'
import {
  CALL_ID_CHARACTERS_MAX,
  CALL_NAME_CHARACTERS_MAX
} from '#shared/contracts/inference/chat.ts'

export type Fields = Record<string, unknown>

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export interface PastCall {
  id: string
  name: string
  arguments: string
}

/**
 * Reads a call in any of its forms: `{id, function: {name, arguments}}`, `{id, custom: {name,
 * input}}`, Anthropic's `{id, name, input}`, and the legacy `{name, arguments}`.
 */
export function readPastCall(call: unknown, idOtherwise: string): PastCall {
  const outer = isFields(call) ? call : {}
  const inner = [outer['function'], outer['custom']].find(isFields) ?? outer
  const { name, input } = inner
  return {
    id: readCallId(outer['id'] ?? outer['call_id'], idOtherwise),
    name: readName(name ?? outer['name']),
    arguments: readArguments(inner['arguments'] ?? (isFields(input) ? input : wrapped(input)))
  }
}

/** The same text for the call and for its result, however long the id is. */
export function readCallId(id: unknown, otherwise: string): string {
  const text = typeof id === 'number' ? String(id) : id
  if (typeof text !== 'string' || text === '') return otherwise
  if (text.length <= CALL_ID_CHARACTERS_MAX) return text
  return `call_${hash('sha256', text).slice(0, 24)}`
}

function readName(name: unknown): string {
  if (typeof name !== 'string' || name === '') return 'unknown'
  return name.slice(0, CALL_NAME_CHARACTERS_MAX)
}

/**
 * Text stays as it was written, valid or not: the renderer shows it to the model, which can mend
 * what it has broken. Only JSON that some client has encoded twice is decoded once.
 */
function readArguments(value: unknown): string {
  if (value === undefined || value === null) return '{}'
  if (typeof value !== 'string') return JSON.stringify(value)
  if (!value.trimStart().startsWith('"')) return value
  const inner = parsed(value)
  return typeof inner === 'string' && isFields(parsed(inner)) ? inner : value
}

const wrapped = (input: unknown): unknown => (input === undefined ? undefined : { input })

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // a cut call is no JSON
  }
}
