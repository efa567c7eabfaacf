/**
 * How a model writes its tool calls, found out from its own chat template: a call with known words
 * is rendered as a past message, and the texts around those words are the format. (llama.cpp finds
 * its formats in the same way.) So the families need no list: Hermes and Qwen with `<tool_call>`,
 * Llama's plain JSON, Mistral's `[TOOL_CALLS]` and DeepSeek's sections are all texts around a name
 * and a JSON object. A template that writes arguments as anything but JSON has no format here.
 */
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'

export interface CallFormat {
  /** The text before the name of the first call. */
  begin: string
  /** The part of `begin` that shows a call begins; the rest of `begin` must follow. */
  trigger: string
  /** True when a trigger anywhere begins a call, and not only at the start of an answer. */
  triggerAnywhere: boolean
  /** The text between a name and its arguments. */
  middle: string
  /** The text between two calls; null where a turn has only one. */
  between: string | null
  /** The text after the arguments of the last call. */
  end: string
}

/** Renders a chat with the two `PROBE_TOOLS`; throws where the template does. */
type RenderProbe = (messages: readonly ChatMessage[]) => string

/** Stands for one character of an id that the model makes up, as Mistral's do. */
export const ID_CHARACTER = '\uE000'
const ID_LENGTH = 9
const NAMES = ['haifProbeOne', 'haifProbeTwo'] as const
const IDS = ['hAiFpRb01', 'hAiFpRb02'] as const
const KEY = 'haifProbeKey'
const CONTENT = 'haifProbeContent'

export const PROBE_TOOLS = NAMES.map((name) => ({
  name,
  description: 'A probe.',
  parameters: {
    type: 'object',
    properties: { [KEY]: { type: 'string', description: 'A probe.' } },
    required: [KEY]
  }
}))

const USER: ChatMessage = { role: 'user', content: 'Hello' }

/** `cutEnd` returns a text without the marks that end a turn. */
export function findCallFormat(
  render: RenderProbe,
  cutEnd: (text: string) => string
): CallFormat | null {
  const said = attempt(() => render([USER, { role: 'assistant', content: CONTENT }]))
  const one = attempt(() => render([USER, calling(1)]))
  if (said === null || one === null) return null
  const from = Math.min(commonPrefix(said, one), Math.max(0, said.indexOf(CONTENT)))
  const first = callIn(one, from, 0)
  if (first === null || first.rest.includes(NAMES[0])) return null
  const begin = withIdSlots(first.before).trimStart()
  const trigger = triggerOf(begin)
  if (trigger === null) return null
  const turnEnd = said.slice(said.indexOf(CONTENT) + CONTENT.length)
  const isPlainEnd = turnEnd !== '' && first.rest.endsWith(turnEnd)
  const rest = isPlainEnd ? first.rest.slice(0, -turnEnd.length) : cutEnd(first.rest)
  return {
    begin,
    ...trigger,
    middle: withIdSlots(first.middle),
    between: betweenOf(attempt(() => render([USER, calling(2)])) ?? '', from, first),
    end: withIdSlots(rest).trimEnd()
  }
}

/** A tag shows a call at once. Plain JSON is a call when it begins as one. */
function triggerOf(begin: string): Pick<CallFormat, 'trigger' | 'triggerAnywhere'> | null {
  const tag = /^(<[^<>\s]{2,}>|\[[A-Z_]{2,}\])/.exec(begin)?.[0]
  if (tag !== undefined) return { trigger: tag, triggerAnywhere: true }
  const trigger = begin.replace(/[\s:"']+$/, '')
  return trigger.length < 3 ? null : { trigger, triggerAnywhere: false }
}

interface CallText {
  before: string
  middle: string
  rest: string
  end: number
}

/** Finds the first call after a place, if the name and then the arguments as JSON are there. */
function callIn(text: string, from: number, which: 0 | 1): CallText | null {
  const at = text.indexOf(NAMES[which], from)
  if (at === -1) return null
  const afterName = at + NAMES[which].length
  const json = new RegExp(`\\{\\s*"${KEY}"\\s*:\\s*"${which}"\\s*\\}`).exec(text.slice(afterName))
  if (json === null) return null
  const end = afterName + json.index + json[0].length
  const middle = text.slice(afterName, afterName + json.index)
  return { before: text.slice(from, at), middle, rest: text.slice(end), end }
}

function betweenOf(text: string, from: number, only: CallText): string | null {
  const first = callIn(text, from, 0)
  if (first === null || first.before !== only.before || first.middle !== only.middle) return null
  const second = callIn(text, first.end, 1)
  if (second === null) return null
  const alike = (a: string, b: string) => withIdSlots(a) === withIdSlots(b)
  const isRegular = alike(second.middle, first.middle) && alike(second.rest, only.rest)
  return isRegular ? withIdSlots(second.before) : null
}

function calling(count: 1 | 2): ChatMessage {
  const toolCalls = NAMES.slice(0, count).map((name, i) => {
    return { id: IDS[i]!, name, arguments: JSON.stringify({ [KEY]: String(i) }) }
  })
  return { role: 'assistant', content: '', toolCalls }
}

function withIdSlots(text: string): string {
  const slot = ID_CHARACTER.repeat(ID_LENGTH)
  return text.replaceAll(IDS[0], slot).replaceAll(IDS[1], slot)
}

function commonPrefix(a: string, b: string): number {
  let length = 0
  while (length < a.length && length < b.length && a[length] === b[length]) length++
  return length
}

/** Templates refuse what they do not know by throwing. */
function attempt(render: () => string): string | null {
  try {
    return render()
  } catch {
    return null
  }
}
