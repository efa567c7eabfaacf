/** Workers that come over HTTP: what they take, and when they were last heard of. */
import type { Queryable } from '#shared/store/store.ts'

interface HttpWorkerName {
  tokenId: string
  workerId: string
}

/** Of one token. Those that have been silent for a day do not count, and go. */
const WORKERS_MAX = 256

/** False: the token has as many workers as it may have. */
export async function keepHttpWorker(
  store: Queryable,
  { tokenId, workerId }: HttpWorkerName,
  offer: string
): Promise<boolean> {
  await store.query(
    `delete from http_workers where token_id = $1 and seen_at < now() - interval '1 day'`,
    [tokenId]
  )
  const rows = await store.query(
    `insert into http_workers (token_id, worker_id, offer)
     select $1, $2, $3 where exists (
         select from http_workers where token_id = $1 and worker_id = $2)
       or (select count(*) from http_workers where token_id = $1) < $4
     on conflict (token_id, worker_id) do update set offer = excluded.offer, seen_at = now()
     returning worker_id`,
    [tokenId, workerId, offer, WORKERS_MAX]
  )
  return rows.length > 0
}

/** What it takes, as JSON; null: it has not registered. */
export async function seeHttpWorker(
  store: Queryable,
  { tokenId, workerId }: HttpWorkerName
): Promise<string | null> {
  const [row] = await store.query<{ offer: string }>(
    `update http_workers set seen_at = now() where token_id = $1 and worker_id = $2
     returning offer`,
    [tokenId, workerId]
  )
  return row?.offer ?? null
}
