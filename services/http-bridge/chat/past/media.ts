/**
 * Images and sounds in the parts of a user's turn, in the forms of all vendors. They must be in the
 * body: a server that fetched what a caller names would reach what only it can reach.
 */
import type { PartMedia } from '#shared/contracts/inference/media.ts'
import { isFields, type Fields } from './calls.ts'

/** Null where there is none, or none that can be passed on. */
export function mediaIn(part: Fields): PartMedia | null {
  const { input_audio: audio, detail } = part
  if (isFields(audio)) return soundIn(audio)
  const url = imageUrlOf(part)
  if (url === null || !/^data:image\/[\w.+-]{1,32};base64,/.test(url)) return null
  const { image_url: image } = part
  const wanted = isFields(image) ? image['detail'] : detail
  const known = DETAILS.find((name) => name === wanted)
  return { kind: 'image', data: url, ...(known === undefined ? {} : { detail: known }) }
}

const DETAILS = ['auto', 'low', 'high'] as const

function soundIn({ data, format }: Fields): PartMedia | null {
  if (typeof data !== 'string' || typeof format !== 'string') return null
  return /^\w{1,16}$/.test(format) ? { kind: 'audio', data, format } : null
}

/** OpenAI has an address, Anthropic a source, Ollama the bytes alone. */
function imageUrlOf({ image_url: image, source, data }: Fields): string | null {
  if (typeof image === 'string') return image
  if (isFields(image)) return typeof image['url'] === 'string' ? image['url'] : null
  if (typeof data === 'string') return `data:${typeOf(data)};base64,${data}`
  if (!isFields(source) || source['type'] !== 'base64') return null
  const { media_type: type, data: bytes } = source
  if (typeof type !== 'string' || typeof bytes !== 'string') return null
  return `data:${type};base64,${bytes}`
}

/** By the first bytes of the file, in base64. */
function typeOf(data: string): string {
  const [, type] = BEGINNINGS.find(([begins]) => data.startsWith(begins)) ?? []
  return type ?? 'image/jpeg'
}

const BEGINNINGS = [
  ['iVBORw0KGgo', 'image/png'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp']
] as const
