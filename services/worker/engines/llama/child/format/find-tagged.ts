/**
 * How a model writes its tool calls when each argument has marks of its own, found out as JSON
 * calls are (`find-calls.ts`): calls with known words are rendered as past messages, and the texts
 * around those words are the format.
 */
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { JsonType } from './arguments/argument-types.ts'
import { KIND_SLOT, taggedArguments, type TaggedSyntax } from './arguments/tagged-arguments.ts'
import type { CallSyntax } from './output-format.ts'
import { sequence, slotted, toolName } from './parts.ts'
import {
  attempt,
  commonEnd,
  commonUnits,
  lateTriggersOf,
  numbersAsSlots,
  triggerOf,
  withoutAnswer,
  withoutThought,
  withoutTurnEnd,
  type RenderProbe
} from './probe.ts'

const NAMES = ['haifProbeOne', 'haifProbeTwo'] as const
const KEYS = ['haifKeyOne', 'haifKeyTwo'] as const
const VALUES = ['haifValueOne', 'haifValueTwo'] as const
const CONTENT = 'haifProbeContent'
const USER: ChatMessage = { role: 'user', content: 'Hello' }

/** `cutEnd` returns a text without the marks that end a turn. */
export function findTagged(
  render: RenderProbe,
  cutEnd: (text: string) => string
): CallSyntax | null {
  const rendered = (...calls: Args[]) => attempt(() => render([USER, calling(calls)]))
  const said = attempt(() => render([USER, { role: 'assistant', content: CONTENT }]))
  const one = rendered(BOTH)
  if (said === null || one === null) return null
  const from = commonUnits(said.slice(0, said.indexOf(CONTENT)), one)
  const call = callIn(one, from)
  if (call === null) return null
  const tags = tagsOf(call)
  if (tags === null) return null
  const turnEnd = said.slice(said.indexOf(CONTENT) + CONTENT.length)
  const rest = cutEnd(withoutTurnEnd(call.rest, turnEnd)).trimEnd()
  const closing = rest.slice(tags.close.length)
  const kinds = kindsIn(rendered, from, call.value)
  const cdata = rendered({ [KEYS[0]]: '<haif>&\n' })?.includes('<![CDATA[') === true
  return syntaxOf(
    { ...tags, ...kinds, cdata },
    {
      lead: withoutAnswer(withoutThought(call.before)).trimStart(),
      closing,
      next: nextOf(rendered(BOTH, BOTH), from, { call, tags })
    }
  )
}

type Args = Readonly<Record<string, unknown>>
const BOTH: Args = { [KEYS[0]]: VALUES[0], [KEYS[1]]: VALUES[1] }

function calling(calls: readonly Args[]): ChatMessage {
  const toolCalls = calls.map((args, i) => {
    return { id: `hAiFpRb0${i + 1}`, name: NAMES[i]!, arguments: JSON.stringify(args) }
  })
  return { role: 'assistant', content: '', toolCalls }
}

interface CallText {
  /** Before the name, between the name and the first key, a key and its value, and so on. */
  before: string
  start: string
  value: string
  middle: string
  rest: string
  /** The place behind the last value. */
  end: number
}

/** Finds a call of the tool behind a place, with its keys and values in any order. */
function callIn(text: string, from: number, which: 0 | 1 = 0): CallText | null {
  const places = [...KEYS, ...VALUES].map((word) => ({ word, at: text.indexOf(word, from) }))
  if (places.some(({ at }) => at === -1)) return null
  const [key, value, key2, value2] = places.toSorted((a, b) => a.at - b.at)
  const name = text.lastIndexOf(NAMES[which], key!.at)
  const between = (a: { word: string; at: number }, b: { at: number }) =>
    text.slice(a.at + a.word.length, b.at)
  if (name < from || between(key!, value!) !== between(key2!, value2!)) return null
  const end = value2!.at + value2!.word.length
  return {
    before: text.slice(from, name),
    start: text.slice(name + NAMES[which].length, key!.at),
    value: between(key!, value!),
    middle: between(value!, key2!),
    rest: text.slice(end),
    end
  }
}

type Tags = Pick<TaggedSyntax, 'before' | 'key' | 'value' | 'close'>

/** Null where an argument has no marks of its own, as in Gemma's braces. */
function tagsOf({ start, value, middle, rest }: CallText): Tags | null {
  const key = commonEnd(start, middle)
  const close = middle.slice(0, middle.length - key.length)
  const before = start.slice(0, start.length - key.length)
  const isTag = (mark: string) => /[<[\]]/.test(mark) && mark.trim().length > 2
  if (!isTag(key) || !isTag(close) || !rest.startsWith(close)) return null
  if (KEYS.some((each) => close.includes(each))) return null
  return { before, key, value, close }
}

const SAMPLES: Readonly<Record<JsonType, readonly [value: unknown, written: RegExp]>> = {
  string: [VALUES[0], new RegExp(VALUES[0])],
  number: [7654321, /7654321/],
  boolean: [true, /[tT]rue/],
  null: [null, /null|None/],
  object: [{ haifInner: 1 }, /\{/],
  array: [[7654321], /\[/]
}

/** The words with which a family says of which type a value is; none where it does not. */
function kindsIn(
  rendered: (args: Args) => string | null,
  from: number,
  value: string
): Pick<TaggedSyntax, 'value' | 'kinds'> {
  const types = Object.keys(SAMPLES) as JsonType[]
  const openings = types.map((type) => openingOf(type, rendered, from) ?? value)
  if (openings.every((opening) => opening === value)) return { value }
  const begin = openings.reduce(commonStart).replace(/\w+$/, '')
  const rests = openings.map((opening) => opening.slice(begin.length))
  const end = rests.reduce(commonEnd).replace(/^\w+/, '')
  const kinds = types.map((type, i) => [type, rests[i]!.slice(0, -end.length || undefined)])
  return {
    value: begin + KIND_SLOT + end,
    kinds: Object.fromEntries(kinds) as Record<JsonType, string>
  }
}

function openingOf(
  type: JsonType,
  rendered: (args: Args) => string | null,
  from: number
): string | null {
  const [value, written] = SAMPLES[type]
  const text = rendered({ [KEYS[0]]: value })
  const at = text?.indexOf(KEYS[0], from) ?? -1
  if (text === null || at === -1) return null
  const rest = text.slice(at + KEYS[0].length)
  // `string="false"` holds no value: the value is behind the last mark before it.
  const place = rest.search(new RegExp(`(?<=[>\\]\\n]\\s*)(?:${written.source})`))
  return place === -1 ? null : rest.slice(0, place)
}

function commonStart(a: string, b: string): string {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return a.slice(0, length)
}

interface NextCall {
  /** From behind the last value of a call to the name of the next. */
  between: string
  /** Before the name and behind it, with slots for the numbers that count calls. */
  before: string
  start: string
}

/** Null where a second call is not written like the first. */
function nextOf(
  text: string | null,
  from: number,
  { call, tags }: { call: CallText; tags: Tags }
): NextCall | null {
  const first = text === null ? null : callIn(text, from)
  if (text === null || first === null || first.before !== call.before) return null
  const second = callIn(text, first.end, 1)
  if (second === null || !second.before.startsWith(tags.close)) return null
  const start = numbersAsSlots(first.start, second.start)
  if (start === null) return null
  return { between: second.before.slice(tags.close.length), before: second.before, start }
}

interface Surroundings {
  lead: string
  closing: string
  next: NextCall | null
}

function syntaxOf(tags: Omit<TaggedSyntax, 'after'>, around: Surroundings): CallSyntax | null {
  const { lead, closing, next } = around
  const trigger = triggerOf(lead)
  // A tool's name before its own place is a recipient: that is no form of marks.
  if (trigger === null || trigger === '' || lead.includes(NAMES[0])) return null
  const open = next === null ? lead : commonEnd(lead, next.between)
  const rest = next === null ? '' : next.between.slice(0, next.between.length - open.length)
  const after = next === null ? closing : closing.slice(0, commonUnits(closing, rest))
  const before = next === null ? tags.before : next.start.slice(0, tags.before.length)
  return {
    begin: lead.slice(0, lead.length - open.length),
    open,
    close: '',
    between: next === null ? null : rest.slice(after.length),
    end: closing.slice(after.length),
    trigger,
    lateTriggers: lateTriggersOf(lead, trigger),
    call: (marks) =>
      sequence(
        toolName(before),
        ...slotted(before, marks),
        taggedArguments({ ...tags, before: '', after }, marks)
      )
  }
}
