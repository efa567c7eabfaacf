/** Collections: documents of a tenant that retrieval finds again. */
import type { Queryable } from '#shared/store/store.ts'
import type { Document } from '../retrieval/documents.ts'

interface Of {
  tenant: string
  collection: string
}

/** A document with the same id is replaced. */
export async function addDocuments(
  store: Queryable,
  { tenant, collection }: Of,
  documents: readonly Document[],
  model: string | null
): Promise<void> {
  for (const { id, text, metadata, vector } of documents) {
    await store.query(
      `insert into collection_documents
         (tenant_id, collection, document_id, text, metadata, vector, model)
       values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (tenant_id, collection, document_id) do update set text = excluded.text,
         metadata = excluded.metadata, vector = excluded.vector, model = excluded.model,
         updated_at = now()`,
      [tenant, collection, id, JSON.stringify(text), JSON.stringify(metadata), vector, model]
    )
  }
}

/** Vectors of another model are left out: they cannot be compared. */
export async function readCollection(
  store: Queryable,
  { tenant, collection }: Of,
  model: string | null,
  max: number
): Promise<Document[]> {
  const rows = await store.query<{
    document_id: string
    text: string
    metadata: string
    vector: number[] | null
  }>(
    `select document_id, text, metadata, case when model = $3 then vector end as vector
     from collection_documents where tenant_id = $1 and collection = $2
     order by document_id limit $4`,
    [tenant, collection, model, max]
  )
  return rows.map(({ document_id: id, text, metadata, vector }) => ({
    id,
    text: JSON.parse(text) as string,
    metadata: JSON.parse(metadata) as Record<string, unknown>,
    vector
  }))
}

export async function countDocuments(
  store: Queryable,
  { tenant, collection }: Of
): Promise<number> {
  const [row] = await store.query<{ count: number }>(
    `select count(*)::integer as count from collection_documents
     where tenant_id = $1 and collection = $2`,
    [tenant, collection]
  )
  return row?.count ?? 0
}
