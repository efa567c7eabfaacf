/** Attempts whose lease has run out; and the end of the leases of a service that was restarted. */
import type { Queryable } from '#shared/store/store.ts'
import type { TaskRow } from '../rows.ts'

export async function expiredTasks(store: Queryable, limit: number): Promise<TaskRow[]> {
  return store.query<TaskRow>(
    `select * from tasks where status in ('Assigned', 'Running') and leased_until < now()
     order by leased_until limit $1`,
    [limit]
  )
}

/** `peer`: with which all the owners of this service begin that came before `owner`. */
export async function endOwnLeases(store: Queryable, peer: string, owner: string): Promise<void> {
  await store.query(
    `update tasks set leased_until = now() - interval '1 ms'
     where status in ('Assigned', 'Running') and owner <> $2 and starts_with(owner, $1)`,
    [peer, owner]
  )
}
