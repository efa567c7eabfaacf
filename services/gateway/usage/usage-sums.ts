/** Usage, summed up from the rows that each request leaves. */
import type { UsageGroup, UsageQuery, UsageRow } from '#shared/contracts/access/access.ts'
import type { Queryable } from '#shared/store/store.ts'

const ROWS_MAX = 1000

/** A name that no worker holds is its caller's invention: all of them share one row. */
const KEYS: Record<UsageGroup, string> = {
  model: `case when error_code = 'MODEL_NOT_FOUND' then 'unknown' else model end`,
  token: `coalesce(token_id, 'none')`,
  worker: `coalesce(worker, 'none')`,
  tenant: 'tenant_id',
  day: `to_char(ended_at at time zone 'UTC', 'YYYY-MM-DD')`
}

/** `tenant`: null for all of them. */
export function sumUsage(
  store: Queryable,
  { groupBy = 'model', from, to }: UsageQuery,
  tenant: string | null
): Promise<UsageRow[]> {
  const order = groupBy === 'day' ? 'key' : 'sum(prompt_tokens + completion_tokens) desc, key'
  return store.query<UsageRow>(
    `select ${KEYS[groupBy]} as key, count(*) as requests,
       count(*) filter (where error_code <> 'CANCELLED') as errors,
       count(*) filter (where error_code = 'CANCELLED') as stopped,
       coalesce(sum(prompt_tokens), 0) as "promptTokens",
       coalesce(sum(cached_prompt_tokens), 0) as "cachedPromptTokens",
       coalesce(sum(completion_tokens), 0) as "completionTokens"
     from requests
     where ($1::text is null or tenant_id = $1)
       and ($2::double precision is null or ended_at >= to_timestamp($2 / 1000.0))
       and ($3::double precision is null or ended_at < to_timestamp($3 / 1000.0))
     group by 1 order by ${order} limit ${ROWS_MAX}`,
    [tenant, from ?? null, to ?? null]
  )
}
