/** The bytes of artifacts that jobs services make, in the database: every service can read them. */
import type { Queryable } from '#shared/store/store.ts'

const CHUNK_BYTES = 192 << 10

/** The same bytes are there once. */
export async function insertChunks(
  store: Queryable,
  sha256: string,
  bytes: Uint8Array
): Promise<void> {
  for (let number = 0; number * CHUNK_BYTES < Math.max(1, bytes.length); number++) {
    const chunk = bytes.subarray(number * CHUNK_BYTES, (number + 1) * CHUNK_BYTES)
    await store.query(
      `insert into artifact_chunks (sha256, number, bytes) values ($1, $2, $3)
       on conflict (sha256, number) do update set written_at = now()`,
      [sha256, number, Buffer.from(chunk).toString('base64')]
    )
  }
}

/** The bytes from `from` up to and without `to`. */
export async function* readChunks(
  store: Queryable,
  sha256: string,
  from: number,
  to: number
): AsyncGenerator<Buffer> {
  for (let number = Math.floor(from / CHUNK_BYTES); number * CHUNK_BYTES < to; number++) {
    const [row] = await store.query<{ bytes: string }>(
      'select bytes from artifact_chunks where sha256 = $1 and number = $2',
      [sha256, number]
    )
    if (row === undefined) return
    const start = number * CHUNK_BYTES
    const chunk = Buffer.from(row.bytes, 'base64')
    yield chunk.subarray(Math.max(0, from - start), Math.min(chunk.length, to - start))
  }
}

/** Those of results that were never taken. */
export async function removeLostChunks(store: Queryable): Promise<void> {
  await store.query(
    `delete from artifact_chunks c where written_at < now() - interval '1 hour'
     and not exists (select from artifacts a where a.sha256 = c.sha256 and a.holder = 'store')`
  )
}

export async function removeChunks(store: Queryable, sha256: readonly string[]): Promise<void> {
  await store.query('delete from artifact_chunks where sha256 = any($1)', [sha256])
}
