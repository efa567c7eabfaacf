/** Documents as callers give them, and which of them a filter lets through. Pure. */
import { hash } from 'node:crypto'
import { HaifError } from '#shared/errors.ts'

export interface Document {
  id: string
  text: string
  /** Whatever else the caller has said of it. */
  metadata: Record<string, unknown>
  vector: number[] | null
}

export const DOCUMENTS_MAX = 10_000
const DIMENSIONS_MAX = 8192
const ID_MAX = 256

/** Texts, or objects with a `text`; `vectors`: as an embedding puts them out, in the same order. */
export function readDocuments(given: unknown, vectors: unknown, param: string): Document[] {
  const list = Array.isArray(given) ? given.flat() : [given]
  if (list.length > DOCUMENTS_MAX) {
    throw invalid(param, `has ${list.length} documents, and one task takes ${DOCUMENTS_MAX}`)
  }
  const own = readVectors(vectors)
  if (own !== null && own.length !== list.length) {
    throw invalid('vectors', `has ${own.length} vectors for ${list.length} documents`)
  }
  return list.map((each, i) => documentOf(each, own?.[i] ?? null, `${param}.${i}`))
}

function documentOf(given: unknown, vector: number[] | null, param: string): Document {
  if (typeof given === 'string') return { id: idOf(given), text: given, metadata: {}, vector }
  if (typeof given !== 'object' || given === null) throw invalid(param, 'is no document')
  const { id, text, vector: own, ...rest } = given as Record<string, unknown>
  if (typeof text !== 'string') throw invalid(param, 'has no text')
  const { metadata, ...others } = rest
  const isNested = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)
  return {
    id: typeof id === 'string' || typeof id === 'number' ? String(id).slice(0, ID_MAX) : idOf(text),
    text,
    metadata: isNested ? { ...others, ...metadata } : rest,
    vector: vector ?? (own === undefined ? null : (readVectors([own])?.[0] ?? null))
  }
}

/** The same text has the same name, and is kept once. */
const idOf = (text: string): string => hash('sha256', text).slice(0, 32)

/** Lists of numbers, or floats in base64, as embeddings travel. */
function readVectors(given: unknown): number[][] | null {
  if (given === undefined || given === null) return null
  if (!Array.isArray(given)) throw invalid('vectors', 'must be a list')
  return given.map((each, i) => {
    const vector = typeof each === 'string' ? floatsIn(each) : (each as unknown)
    const isVector =
      Array.isArray(vector) &&
      vector.length > 0 &&
      vector.length <= DIMENSIONS_MAX &&
      vector.every((value) => Number.isFinite(value))
    if (!isVector) throw invalid(`vectors.${i}`, 'is no vector')
    return vector as number[]
  })
}

function floatsIn(base64: string): number[] {
  const bytes = Buffer.from(base64, 'base64')
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => bytes.readFloatLE(4 * i))
}

type Filter = Readonly<Record<string, unknown>>

/** Each field has the value, or one of the values, that the filter names. */
export function passes({ id, metadata }: Document, filter: Filter): boolean {
  return Object.entries(filter).every(([field, wanted]) => {
    const found = field === 'id' ? id : Object.hasOwn(metadata, field) ? metadata[field] : undefined
    const has = (value: unknown) => (Array.isArray(found) ? found.includes(value) : found === value)
    return Array.isArray(wanted) ? wanted.some(has) : has(wanted)
  })
}

export const invalid = (param: string, problem: string): HaifError =>
  new HaifError('VALIDATION_FAILED', `${param} ${problem}`, { details: { param } })
