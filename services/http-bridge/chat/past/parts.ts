/**
 * Content parts of every kind that chats have been seen to hold. Those with text are text; of the
 * others a past turn keeps a word in brackets, because a chat must go on after its model was
 * changed for one that reads text only.
 */
import type { Content } from '#shared/contracts/http/chat.ts'
import type { HaifError } from '#shared/errors.ts'
import { unsupported } from '../../http/refusal.ts'
import type { Media } from '#shared/contracts/inference/media.ts'
import { isFields, type Fields } from './calls.ts'
import { mediaIn } from './media.ts'

/** Content as parts: clients send texts, numbers, single parts, and lists that mix them. */
export function partsOf(content: unknown): Fields[] {
  if (content === undefined || content === null) return []
  if (Array.isArray(content)) return content.flatMap((part) => partsOf(part))
  if (isFields(content)) return [content]
  return [{ type: 'text', text: typeof content === 'string' ? content : JSON.stringify(content) }]
}

/** Returns the text that a part has, under whichever name, or null. */
export function textIn(part: Fields): string | null {
  for (const name of ['text', 'refusal', 'thinking', 'reasoning', 'transcript', 'content']) {
    const value = part[name]
    if (typeof value === 'string') return value
    if (!Array.isArray(value)) continue
    const texts = value.map((one) => (isFields(one) ? textOrWord(one) : String(one)))
    if (texts.length > 0) return texts.join('')
  }
  return null
}

/** The text of a part of a past turn. */
export const textOrWord = (part: Fields): string => textIn(part) ?? `[${kindOf(part)}]`

/** A part of the newest turn: text in its plain form, and another kind as it is. */
export function plainPart(part: Fields): Fields {
  const text = textIn(part)
  if (text !== null) return { type: 'text', text }
  const media = mediaIn(part)
  return media === null ? part : { type: part['type'], media }
}

/** A user's past turn: one text, unless there is something else that a server may read. */
export function pastContent(parts: readonly Fields[]): string | Fields[] {
  const read = parts.map((part) => {
    const text = textOrWord(part)
    const media = textIn(part) === null ? mediaIn(part) : null
    return media === null ? { type: 'text', text } : { type: 'text', text, media }
  })
  const isText = read.every((part) => !('media' in part))
  return isText ? read.map(({ text }) => text).join('') : read
}

/** The text of a whole content of a past turn. */
export const textOfPast = (content: unknown): string =>
  partsOf(content)
    .map((part) => textOrWord(part))
    .join('')

const KINDS = ['image', 'audio', 'video', 'file', 'document']

function kindOf({ type }: Fields): string {
  if (typeof type !== 'string' || type === '') return 'part'
  if (type.includes('screenshot')) return 'image'
  return KINDS.find((kind) => type.includes(kind)) ?? type.slice(0, 64)
}

/** What a model thought, in an assistant's part of any vendor; null for other parts. */
export function thoughtIn(part: Fields): string | null {
  const { type } = part
  if (typeof type !== 'string' || !THOUGHTS.test(type)) return null
  return textIn({ ...part, content: part['content'] ?? part['summary'] }) ?? ''
}

const THOUGHTS = /^(redacted_)?(thinking|reasoning)(_text)?$|^summary_text$/

/**
 * Reads the text of the newest turn, whose parts must all be readable: an answer that passed over
 * what it was asked about would be wrong in silence. `param` is the content's place in the body.
 */
export function textOf(content: Content, param: string): string {
  const { text, media } = contentOf(content, param)
  for (const one of media) if (one.wordLength === 0) throw isNoText(one.param, one.media.kind)
  return text
}

/** The same where images and sounds may stand in the text: the worker may know what reads them. */
export function contentOf(content: Content, param: string): { text: string; media: Media[] } {
  if (typeof content === 'string') return { text: content, media: [] }
  const media: Media[] = []
  let read = ''
  for (const [index, part] of content.entries()) {
    const text = textIn(part)
    const place = `${param}[${index}]`
    if (text === null && part.media === undefined) throw isNoText(place, part.type ?? null)
    if (part.media !== undefined) {
      media.push({
        media: part.media,
        at: read.length,
        wordLength: text?.length ?? 0,
        param: place
      })
    }
    read += text ?? ''
  }
  return { text: read, media }
}

const isNoText = (place: string, type: string | null): HaifError =>
  unsupported(
    place,
    `${place} is of type ${JSON.stringify(type)}, and the models here read text only: ` +
      'leave it out, or say in words what is on it'
  )
