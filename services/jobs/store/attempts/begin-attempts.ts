/** The workers of these attempts have begun. */
import type { Queryable } from '#shared/store/store.ts'
import type { AttemptName } from '../rows.ts'
import { FENCED, type MovedTask } from './fenced.ts'

export interface Begun extends AttemptName {
  worker: string
}

export async function beginAttempts(
  tx: Queryable,
  owner: string,
  begun: readonly Begun[]
): Promise<MovedTask[]> {
  return tx.query<MovedTask>(
    `with given as (select * from json_to_recordset($2::json)
       as g (job_id text, task_id text, attempt int, worker text)), ${FENCED}
     update tasks t set status = 'Running', worker = g.worker, started_at = now(),
       updated_at = now()
     from given g join old using (job_id, task_id)
     where t.job_id = g.job_id and t.task_id = g.task_id and old.status = 'Assigned'
     returning t.*, old.status as was`,
    [owner, JSON.stringify(begun)]
  )
}
