/** Answers what jobs and their tasks are, to those whose they are. */
import type { JobList, JobQuery, TaskList, TaskQuery } from '#shared/contracts/jobs/views.ts'
import { LIST_MAX } from '#shared/contracts/jobs/views.ts'
import { HaifError } from '#shared/errors.ts'
import type { Store } from '#shared/store/store.ts'
import { findJob } from '../store/jobs/find-job.ts'
import { listJobs, type JobCursor } from '../store/jobs/list-jobs.ts'
import { listTasks } from '../store/tasks/list-tasks.ts'
import { fittingOutputs } from './fitting-outputs.ts'
import type { JobRow, TaskRow } from '../store/rows.ts'
import { jobView, taskView } from '../store/views.ts'

const JOBS_SHOWN = 50
const TASKS_SHOWN = 100

/** J18: the same answer for a job of somebody else as for one that never was. */
export async function assertJob(
  store: Store,
  jobId: string,
  tenant: string | undefined
): Promise<JobRow> {
  const row = await findJob(store, jobId, tenant ?? null)
  if (row === null) throw new HaifError('NOT_FOUND', `there is no job ${jobId}`)
  return row
}

export async function jobsPage(
  store: Store,
  query: JobQuery,
  tenant: string | undefined
): Promise<JobList> {
  const { limit = JOBS_SHOWN, cursor, ...filters } = query
  const after = cursor === undefined ? null : cursorOf(cursor)
  const whose = tenant ?? query.tenant
  const of = whose === undefined ? {} : { tenant: whose }
  const rows = await listJobs(store, { ...filters, ...of, limit: limit + 1, after })
  const jobs = rows.slice(0, limit).map(jobView)
  const last = rows[limit - 1]
  return rows.length <= limit || last === undefined
    ? { jobs }
    : { jobs, nextCursor: cursorText(last) }
}

/** `whyWaiting`: what a ready task lacks, as far as this service knows. */
export async function tasksPage(
  store: Store,
  jobId: string,
  { status, workerId: worker, limit = TASKS_SHOWN, offset = 0 }: TaskQuery,
  whyWaiting: (task: TaskRow) => string | undefined
): Promise<TaskList> {
  const shown = limit === 0 ? LIST_MAX : limit
  const { total, tasks } = await listTasks(store, { jobId, status, worker, limit: shown, offset })
  return {
    jobId,
    total,
    returned: tasks.length,
    limit: shown,
    offset,
    tasks: fittingOutputs(
      jobId,
      tasks.map((task) => taskView(task, whyWaiting(task)))
    )
  }
}

function cursorText({ created_at, job_id }: JobRow): string {
  return Buffer.from(JSON.stringify([created_at.getTime(), job_id])).toString('base64url')
}

function cursorOf(text: string): JobCursor {
  try {
    const [at, jobId] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[]
    if (typeof at === 'number' && typeof jobId === 'string') return { at: new Date(at), jobId }
  } catch {
    // It is refused like any other text that is none.
  }
  throw new HaifError('VALIDATION_FAILED', 'the cursor is none of a list of jobs', {
    details: { param: 'cursor' }
  })
}
