/**
 * How a model writes its tool calls in JSON, found out from its own chat template: a call with
 * known words is rendered as a past message, and the texts around those words are the format.
 * (llama.cpp finds formats in the same way.) A template that writes arguments as anything but JSON
 * has no format here.
 */
import type { ChatMessage, Tool } from '#shared/contracts/inference/chat.ts'
import { jsonCall, keyedCall } from './json-call.ts'
import type { Marks } from './marks.ts'
import type { CallSyntax, Part } from './output-format.ts'
import { jsonArguments, sequence, slotted, toolName } from './parts.ts'
import {
  attempt,
  commonEnd,
  commonUnits,
  ID_SLOT,
  lateTriggersOf,
  NUMBER_SLOT,
  numbersAsSlots,
  triggerOf,
  withoutThought,
  withoutTurnEnd,
  type RenderProbe
} from './probe.ts'

const NAMES = ['haifProbeOne', 'haifProbeTwo'] as const
/** Mistral's templates take ids of nine characters only. */
const IDS = ['hAiFpRb01', 'hAiFpRb02'] as const
const KEY = 'haifProbeKey'
const CONTENT = 'haifProbeContent'

export const PROBE_TOOLS: readonly Tool[] = NAMES.map((name) => ({
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
export function findCalls(
  render: RenderProbe,
  cutEnd: (text: string) => string
): CallSyntax | null {
  const said = attempt(() => render([USER, { role: 'assistant', content: CONTENT }]))
  const one = attempt(() => render([USER, calling(1)]))
  if (said === null || one === null) return null
  const from = commonUnits(said.slice(0, said.indexOf(CONTENT)), one)
  const first = callIn(one, from, 0)
  if (first === null || first.rest.includes(NAMES[0])) return null
  const turnEnd = said.slice(said.indexOf(CONTENT) + CONTENT.length)
  const rest = cutEnd(withoutTurnEnd(first.rest, turnEnd)).trimEnd()
  const call = shapeOf({ ...first, before: withoutThought(first.before).trimStart(), rest })
  const two = attempt(() => render([USER, calling(2)]))
  const next = two === null ? null : betweenOf(two, from, first, call)
  return syntaxOf({ ...call, middle: next?.middle ?? call.middle }, next?.between ?? null)
}

interface CallText {
  before: string
  middle: string
  rest: string
  /** The place behind the arguments. */
  end: number
}

/** Finds a call after a place, if the name and then the arguments as JSON are there. */
function callIn(text: string, from: number, which: 0 | 1): CallText | null {
  const at = text.indexOf(NAMES[which], from)
  if (at === -1) return null
  const afterName = at + NAMES[which].length
  const json = new RegExp(`\\{\\s*"${KEY}"\\s*:\\s*"${which}"\\s*\\}`).exec(text.slice(afterName))
  if (json === null) return null
  const end = afterName + json.index + json[0].length
  const middle = withSlots(text.slice(afterName, afterName + json.index))
  const before = withSlots(text.slice(from, at))
  return { before, middle, rest: withSlots(text.slice(end)), end }
}

interface CallShape {
  /** Before the first call, and after it. */
  lead: string
  closing: string
  /** Of the call itself: before its name, and after its arguments. */
  before: string
  middle: string
  after: string
  kind: 'json' | 'keyed' | 'named'
}

/** Looks for the JSON object that holds name and arguments. */
function shapeOf({ before, middle, rest }: CallText): CallShape {
  for (
    let at = before.lastIndexOf('{');
    at !== -1;
    at = at === 0 ? -1 : before.lastIndexOf('{', at - 1)
  ) {
    for (let end = 1; end <= rest.length; end++) {
      if (rest[end - 1] !== '}') continue
      const object = parsed(`${before.slice(at)}${NAMES[0]}${middle}{}${rest.slice(0, end)}`)
      if (object === null) continue
      const kind = NAMES[0] in object ? 'keyed' : 'json'
      const outside = { lead: before.slice(0, at), closing: rest.slice(end) }
      return { ...outside, before: before.slice(at), middle, after: rest.slice(0, end), kind }
    }
  }
  // What has an id in it differs from call to call, so it belongs to the call.
  const start = before.indexOf(ID_SLOT)
  const outside = start === -1 ? before : before.slice(0, start)
  const inside = start === -1 ? '' : before.slice(start)
  return { lead: outside, closing: rest, before: inside, middle, after: '', kind: 'named' }
}

/** The text between two calls; null where a second call is not written like the first. */
function betweenOf(
  text: string,
  from: number,
  only: CallText,
  { before, after }: CallShape
): (Pick<CallShape, 'middle'> & { between: string }) | null {
  const first = callIn(text, from, 0)
  if (first === null || first.before !== only.before || first.middle !== only.middle) return null
  const second = callIn(text, first.end, 1)
  const middle = second === null ? null : numbersAsSlots(first.middle, second.middle)
  if (second === null || middle === null) return null
  if (!second.before.startsWith(after) || !second.before.endsWith(before)) return null
  const between = second.before.slice(after.length, second.before.length - before.length)
  return { between, middle }
}

/** Takes the texts around calls apart: what belongs to each call, and what to all of them. */
function syntaxOf(call: CallShape, between: string | null): CallSyntax | null {
  const { lead, closing } = call
  const trigger = triggerOf(lead)
  if (trigger === null) return null
  const lateTriggers = lateTriggersOf(lead, trigger)
  const part = { call: (marks: Marks) => partOf(call, marks), trigger, lateTriggers }
  if (between === null) return { begin: '', open: lead, close: closing, between, end: '', ...part }
  const open = commonEnd(lead, between)
  const rest = between.slice(0, between.length - open.length)
  const close = closing.slice(0, commonUnits(closing, rest))
  return {
    begin: lead.slice(0, lead.length - open.length),
    open,
    close,
    between: rest.slice(close.length),
    end: closing.slice(close.length),
    ...part
  }
}

function partOf({ before, middle, after, kind }: CallShape, marks: Marks): Part {
  const text = { before: marks.of(before), middle: marks.of(middle), after: marks.of(after) }
  if (kind === 'json') return jsonCall(text, ID_SLOT, NUMBER_SLOT)
  if (kind === 'keyed') return keyedCall(text)
  return sequence(
    ...slotted(before, marks),
    toolName(middle),
    ...slotted(middle, marks),
    jsonArguments
  )
}

function calling(count: 1 | 2): ChatMessage {
  const toolCalls = NAMES.slice(0, count).map((name, i) => {
    return { id: IDS[i]!, name, arguments: JSON.stringify({ [KEY]: String(i) }) }
  })
  return { role: 'assistant', content: '', toolCalls }
}

/** A template may count calls where OpenAI has ids, as Command-R's does. */
function withSlots(text: string): string {
  const slot = ID_SLOT.repeat(IDS[0].length)
  const withIds = text.replaceAll(IDS[0], slot).replaceAll(IDS[1], slot)
  return withIds.replace(/(_id"?: ?)"\d"/g, `$1"${NUMBER_SLOT}"`)
}

function parsed(json: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(json) as unknown
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}
