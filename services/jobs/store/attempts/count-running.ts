/** Tasks of each tenant that a service has claimed, whichever service that is. */
import type { Queryable } from '#shared/store/store.ts'

export async function countRunning(store: Queryable): Promise<Map<string, number>> {
  const rows = await store.query<{ tenant_id: string; running: number }>(
    `select tenant_id, count(*) as running from tasks
     where status in ('Assigned', 'Running') group by tenant_id`
  )
  return new Map(rows.map(({ tenant_id, running }) => [tenant_id, running]))
}
