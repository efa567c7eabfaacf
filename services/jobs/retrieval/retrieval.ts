/**
 * The task `retrieval`: the documents that answer a query best, from those that it was given, from
 * artifacts, or from a collection of the tenant. It runs in the jobs service, because no worker
 * sees the database.
 */
import { Type, type Static } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { ModelName } from '#shared/contracts/inference/model-name.ts'
import { decodeVector } from '#shared/contracts/inference/vectors.ts'
import type { TaskResult } from '#shared/contracts/jobs/task-run.ts'
import { check } from '#shared/rpc/check.ts'
import type { Store } from '#shared/store/store.ts'
import { addDocuments, countDocuments, readCollection } from '../store/collections.ts'
import { DOCUMENTS_MAX, invalid, passes, readDocuments, type Document } from './documents.ts'
import { rank } from './rank.ts'

const QUERY_MAX = 65_536
const TOP_MAX = 1000
const TOP = 5
/** Texts of one call for vectors. */
const EMBED_MAX = 128

const RetrievalInput = Type.Object({
  query: Type.String({ minLength: 1, maxLength: QUERY_MAX }),
  /** Texts, objects with a `text`, or artifacts with either. */
  documents: Type.Optional(Type.Unknown()),
  /** Of `documents`, from an embedding; else they are made when `model` is given. */
  vectors: Type.Optional(Type.Unknown()),
  collection: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' })),
  /** Documents that are put into the collection first. */
  add: Type.Optional(Type.Unknown()),
  filter: Type.Optional(Type.Record(Type.String({ maxLength: 128 }), Type.Unknown())),
  top_k: Type.Optional(Type.Integer({ minimum: 1, maximum: TOP_MAX })),
  /** Makes vectors; absent: documents are found by their words. */
  model: Type.Optional(ModelName)
})
type RetrievalInput = Static<typeof RetrievalInput>
const validator = Compile(RetrievalInput)

interface RetrievalDeps {
  store: Store
  tenant: string
  /** Vectors of texts, as they travel, in the name of the tenant. */
  embed: (texts: readonly string[], model: string) => Promise<readonly string[]>
  readArtifact: (uri: string) => Promise<string>
}

export async function retrieve(given: unknown, deps: RetrievalDeps): Promise<TaskResult> {
  const input = check(validator, given, 'input of retrieval')
  if (input.documents === undefined && input.collection === undefined) {
    throw invalid('documents', 'is missing: give documents, or the name of a collection')
  }
  if (input.add !== undefined) await add(input, deps)
  const { query: text, top_k: most = TOP, filter = {}, model } = input
  const own = await ownDocuments(input, deps)
  const found = [...own, ...(await collected(input, deps))].filter((each) => passes(each, filter))
  const isByMeaning = model !== undefined && found.some(({ vector }) => vector !== null)
  const vector = isByMeaning ? (await vectorsOf([text], model, deps))[0]! : null
  const documents = rank(found, { text, vector }, most).map(({ index, ...scores }) => {
    const { vector: _, ...document } = found[index]!
    return { ...document, ...scores }
  })
  const texts = documents.map((document) => document.text).join('\n\n')
  return { output: { documents, text: texts, count: documents.length } }
}

async function ownDocuments(input: RetrievalInput, deps: RetrievalDeps): Promise<Document[]> {
  if (input.documents === undefined) return []
  const given = await withoutArtifacts(input.documents, deps)
  return withVectors(readDocuments(given, input.vectors, 'documents'), input.model, deps)
}

async function collected(
  { collection, model }: RetrievalInput,
  { store, tenant }: RetrievalDeps
): Promise<Document[]> {
  if (collection === undefined) return []
  return readCollection(store, { tenant, collection }, model ?? null, DOCUMENTS_MAX)
}

async function add(input: RetrievalInput, deps: RetrievalDeps): Promise<void> {
  const { collection, model } = input
  if (collection === undefined) throw invalid('collection', 'is missing: add needs its name')
  const { store, tenant } = deps
  const given = await withoutArtifacts(input.add, deps)
  const documents = await withVectors(readDocuments(given, undefined, 'add'), model, deps)
  await store.transaction(async (tx) => {
    await addDocuments(tx, { tenant, collection }, documents, model ?? null)
    const count = await countDocuments(tx, { tenant, collection })
    if (count <= DOCUMENTS_MAX) return
    throw invalid(
      'add',
      `would make ${count} documents of ${collection}, of ${DOCUMENTS_MAX} at most`
    )
  })
}

/** An artifact is a text, or JSON of a list of documents. */
async function withoutArtifacts(given: unknown, { readArtifact }: RetrievalDeps): Promise<unknown> {
  const list = Array.isArray(given) ? given.flat() : [given]
  const read = async (each: unknown): Promise<unknown> => {
    if (typeof each !== 'string' || !each.startsWith('artifact://')) return each
    const text = await readArtifact(each)
    return /^\s*\[/.test(text) ? (JSON.parse(text) as unknown) : text
  }
  return Promise.all(list.map(read))
}

async function withVectors(
  documents: Document[],
  model: string | undefined,
  deps: RetrievalDeps
): Promise<Document[]> {
  const without = documents.filter(({ vector }) => vector === null)
  if (model === undefined || without.length === 0) return documents
  const made = new Map<Document, number[]>()
  for (let at = 0; at < without.length; at += EMBED_MAX) {
    const some = without.slice(at, at + EMBED_MAX)
    const vectors = await vectorsOf(
      some.map(({ text }) => text),
      model,
      deps
    )
    for (const [i, each] of some.entries()) made.set(each, vectors[i]!)
  }
  return documents.map((each) => ({ ...each, vector: each.vector ?? made.get(each) ?? null }))
}

async function vectorsOf(
  texts: readonly string[],
  model: string,
  { embed }: RetrievalDeps
): Promise<number[][]> {
  const vectors = await embed(texts, model)
  return vectors.map((vector) => [...decodeVector(vector)])
}
