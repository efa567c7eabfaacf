/** What finding a format out of a template needs: rendering with known words, and comparing. */
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import { ANSWERS, PAIRS } from './thought-marks.ts'

/** Renders past messages with tools; throws where the template does. */
export type RenderProbe = (messages: readonly ChatMessage[]) => string

/** Each stands for one character that the model makes up: of an id, and of a number. */
export const ID_SLOT = '\uE000'
export const NUMBER_SLOT = '\uE001'

/** A tag, or a word, shows a call at once. Plain JSON is a call when it begins as one. */
export function triggerOf(lead: string): string | null {
  const start = lead.trimStart()
  if (start === '') return ''
  const tag = /^(<\|open\|>\w+<\|sep\|>|<[^<>\s]{2,}>|\[[A-Z_]{2,}\])/.exec(start)?.[0]
  if (tag !== undefined) return tag
  const word = /^\S{3,32}/.exec(start)?.[0]
  return word ?? null
}

/** The later marks of what stands before a tool's name, which show a call, too. */
export function lateTriggersOf(lead: string, trigger: string): string[] {
  const rest = lead.trimStart().slice(trigger.length)
  const marks = rest.match(/<[^<>\s]+>|<\w+=|<\w+ name="/g) ?? []
  return marks.slice(-1)
}

/** The marks of a text are one unit each, so that no mark is cut in two. */
const unitsOf = (text: string): string[] =>
  text.match(/\]<\]\w+\[>\[|<[^<>\s]+>|\[\/?[A-Z_]+\]|[\s\S]/g) ?? []

/** The length of the common beginning of two texts. */
export function commonUnits(a: string, b: string): number {
  const [ofA, ofB] = [unitsOf(a), unitsOf(b)]
  let count = 0
  while (count < ofA.length && ofA[count] === ofB[count]) count++
  return ofA.slice(0, count).join('').length
}

/** The common end of two texts. */
export function commonEnd(a: string, b: string): string {
  const [ofA, ofB] = [unitsOf(a), unitsOf(b)]
  let count = 0
  while (count < ofA.length && count < ofB.length && ofA.at(-1 - count) === ofB.at(-1 - count)) {
    count++
  }
  return ofA.slice(ofA.length - count).join('')
}

/**
 * A text in which numbers count the calls: those that differ from the other's become slots. Null
 * where something else differs.
 */
export function numbersAsSlots(text: string, other: string): string | null {
  const [ofText, ofOther] = [text.split(/(\d+)/), other.split(/(\d+)/)]
  if (ofText.length !== ofOther.length) return null
  const isNumber = (index: number) => index % 2 === 1
  if (ofText.some((part, i) => !isNumber(i) && part !== ofOther[i])) return null
  return ofText.map((part, i) => (part === ofOther[i] ? part : NUMBER_SLOT)).join('')
}

/** A turn with a call ends as one without; the marks at its end are no part of the call. */
export function withoutTurnEnd(text: string, turnEnd: string): string {
  const shared = commonEnd(text, turnEnd)
  const isEnd = shared === turnEnd || unitsOf(shared).some((unit) => unit.length > 1)
  if (shared !== '' && isEnd) return text.slice(0, -shared.length)
  const mark = unitsOf(turnEnd).find((unit) => unit.length > 1 && text.includes(unit))
  return mark === undefined ? text : text.slice(0, text.indexOf(mark))
}

/** Some templates write an empty thought before a call, which is no part of it either. */
export function withoutThought(text: string): string {
  const start = text.trimStart()
  const marks = PAIRS.find(({ begin, end }) => {
    return start.startsWith(begin) && start.slice(begin.length).trimStart().startsWith(end)
  })
  return marks === undefined ? text : start.slice(start.indexOf(marks.end) + marks.end.length)
}

/** The same of a mark that ends an answer without a word. */
export function withoutAnswer(text: string): string {
  const start = text.trimStart()
  const mark = ANSWERS.flat().find((each) => start.startsWith(each))
  return mark === undefined ? text : withoutAnswer(start.slice(mark.length))
}

/** Templates refuse what they do not know by throwing. */
export function attempt(render: () => string): string | null {
  try {
    return render()
  } catch {
    return null
  }
}
