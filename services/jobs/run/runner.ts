/** A place where tasks run: a worker at the other end of a link, or the mesh behind gateways. */
import type { TaskItem, TaskResult } from '#shared/contracts/jobs/task-run.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Place } from '../schedule/allot.ts'
import type { ClaimedTask } from '../store/rows.ts'

/** Null: the runner has told the database itself what becomes of the task. */
export type Running = AsyncGenerator<TaskItem, TaskResult | null, void>

export interface Runner extends Omit<Place, 'free'> {
  /** Tasks that this service may have running there. */
  readonly places: number
  /** Yields when the task has begun; `input` has no references any more. */
  run(task: ClaimedTask, input: unknown, context: RequestContext): Running
}
