/**
 * Brings the messages of a chat into the form of the contract before they are checked, so that no
 * past turn is refused: whatever a server once wrote, and whatever a client has made of it.
 */
import { isFields, readCallId, readPastCall, type Fields, type PastCall } from './calls.ts'
import {
  partsOf,
  pastContent,
  plainPart,
  textIn,
  textOfPast,
  textOrWord,
  thoughtIn
} from './parts.ts'

/** Roles of other APIs, by ours. */
const ROLES: Readonly<Record<string, string>> = {
  human: 'user',
  ai: 'assistant',
  model: 'assistant',
  bot: 'assistant',
  function: 'tool',
  tool_response: 'tool',
  ipython: 'tool'
}

/** Returns what is no list of objects as it is: the check of the body names it. */
export function mendMessages(messages: unknown): unknown {
  if (!Array.isArray(messages)) return messages
  const mender = new Mender(messages.findLastIndex((message) => roleOf(message) === 'user'))
  return messages.flatMap((message, index) =>
    isFields(message) ? mender.mend(message, index) : [message as Fields]
  )
}

function roleOf(message: unknown): unknown {
  const role = isFields(message) ? message['role'] : undefined
  return typeof role === 'string' ? (ROLES[role] ?? role) : role
}

class Mender {
  readonly #newest: number
  /** Calls of the assistant that have no result yet; at most those of one turn. */
  #open: PastCall[] = []

  /** `newest` is the place of the last message of the user, whose content is not replaced. */
  constructor(newest: number) {
    this.#newest = newest
  }

  mend(message: Fields, index: number): Fields[] {
    const role = roleOf(message)
    switch (role) {
      case 'assistant':
        return [this.#assistant(message, index)]
      case 'tool':
        return [this.#result(message, message['content'], index)]
      case 'user':
        return this.#user(message, index)
      default:
        return [{ ...message, role, content: textOfPast(message['content']) }]
    }
  }

  #assistant(message: Fields, index: number): Fields {
    const parts = partsOf(message['content'])
    const thoughts = [thoughtOf(message), ...parts.map((part) => thoughtIn(part) ?? '')].join('')
    const rest = parts.filter((part) => thoughtIn(part) === null)
    const said = rest.filter(({ type }) => type !== 'tool_use')
    const given = [
      ...(Array.isArray(message['tool_calls']) ? (message['tool_calls'] as unknown[]) : []),
      ...(isFields(message['function_call']) ? [message['function_call']] : []),
      ...rest.filter(({ type }) => type === 'tool_use')
    ]
    const calls = given.map((call, nth) => readPastCall(call, `call_${index}_${nth}`))
    this.#open = [...calls]
    const text = said.map((part) => textOrWord(part)).join('')
    return {
      role: 'assistant',
      content: text === '' && typeof message['refusal'] === 'string' ? message['refusal'] : text,
      ...(thoughts === '' ? {} : { reasoning_content: thoughts }),
      ...(calls.length === 0 ? {} : { tool_calls: calls.map(toHttpCall) })
    }
  }

  /** Results of tools may stand among the parts of a user's message, as Anthropic has them. */
  #user(message: Fields, index: number): Fields[] {
    const isNew = index === this.#newest
    if (typeof message['content'] === 'string') return [{ ...message, role: 'user' }]
    const parts = partsOf(message['content'])
    const results = parts.filter(({ type }) => type === 'tool_result')
    const said = parts.filter(({ type }) => type !== 'tool_result')
    const mended: Fields[] = results.map((part) => this.#result(part, part['content'], index))
    if (said.length === 0 && results.length > 0) return mended
    const content = isNew ? said.map((part) => plainPart(part)) : pastContent(said)
    return [...mended, { role: 'user', content }]
  }

  /** A result without an id belongs to the call of its name, or to the first that has none. */
  #result(message: Fields, content: unknown, index: number): Fields {
    const { name, tool_call_id: id, tool_use_id: useId, call_id: callId } = message
    const named = this.#open.find((call) => call.name === name) ?? this.#open[0]
    const own = readCallId(id ?? useId ?? callId, named?.id ?? `call_${index}`)
    this.#open = this.#open.filter((call) => call.id !== own)
    return { role: 'tool', content: textOfPast(content), tool_call_id: own }
  }
}

/** What the model thought, under the names that servers have for it. */
function thoughtOf(message: Fields): string {
  for (const name of ['reasoning_content', 'reasoning', 'thinking', 'reasoning_details']) {
    const value = message[name]
    if (typeof value === 'string' && value !== '') return value
    if (typeof value !== 'object' || value === null) continue
    const text = partsOf(value).map((part) => textIn(part) ?? '')
    if (text.some((one) => one !== '')) return text.join('')
  }
  return ''
}

const toHttpCall = ({ id, name, arguments: text }: PastCall): Fields => ({
  id,
  type: 'function',
  function: { name, arguments: text }
})
