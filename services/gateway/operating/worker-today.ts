/** What the books say of workers in the last 24 hours. */
import type { WorkerView } from '#shared/contracts/http/admin/workers.ts'
import type { Queryable } from '#shared/store/store.ts'
import type { Access } from '../access/access.ts'

interface TodayRow {
  worker: string
  requests: number
  stopped: number
  failed: number
  promptTokens: number
  completionTokens: number
  firstTokenP50Ms: number | null
  firstTokenP95Ms: number | null
}

/** Without a store, or while it is away, the workers stay as they are. */
export async function withToday(
  access: Pick<Access, 'storedOrNull'>,
  workers: readonly WorkerView[]
): Promise<WorkerView[]> {
  const store = access.storedOrNull?.store
  if (store === undefined || workers.length === 0) return [...workers]
  const rows = await readToday(
    store,
    workers.map(({ id }) => id)
  ).catch(() => [])
  const byWorker = new Map(rows.map(({ worker, ...row }) => [worker, row]))
  return workers.map((worker) => {
    const row = byWorker.get(worker.id)
    if (row === undefined) return worker
    const { firstTokenP50Ms, firstTokenP95Ms, ...counts } = row
    const times =
      firstTokenP50Ms === null || firstTokenP95Ms === null
        ? {}
        : { firstTokenP50Ms, firstTokenP95Ms }
    return { ...worker, today: { ...counts, ...times } }
  })
}

const readToday = (store: Queryable, workers: readonly string[]): Promise<TodayRow[]> =>
  store.query<TodayRow>(
    `select worker, count(*) as requests,
       count(*) filter (where error_code = 'CANCELLED') as stopped,
       count(*) filter (where error_code <> 'CANCELLED') as failed,
       coalesce(sum(prompt_tokens), 0) as "promptTokens",
       coalesce(sum(completion_tokens), 0) as "completionTokens",
       percentile_cont(0.5) within group (order by queue_ms + prefill_ms)
         filter (where error_code is null) as "firstTokenP50Ms",
       percentile_cont(0.95) within group (order by queue_ms + prefill_ms)
         filter (where error_code is null) as "firstTokenP95Ms"
     from requests where ended_at > now() - interval '24 hours' and worker = any($1::text[])
     group by worker`,
    [workers]
  )
