/** The fence before everything that is said about an attempt: it is the one that counts. */
import type { TaskState } from '#shared/contracts/jobs/views.ts'
import type { TaskRow } from '../rows.ts'

/** A task after a change, with the state that it had before. */
export interface MovedTask extends TaskRow {
  was: TaskState
}

/**
 * Locks the attempts of `given` that still count: those of the owner $1, and those whose lease has
 * run out, which everybody may end.
 */
export const FENCED = `old as (
    select t.job_id, t.task_id, t.status, t.started_at from tasks t
    join given g on t.job_id = g.job_id and t.task_id = g.task_id and t.attempt = g.attempt
    where t.status in ('Assigned', 'Running') and (t.owner = $1 or t.leased_until < now())
    for update of t)`
