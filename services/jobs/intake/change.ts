/** What those whose jobs they are do with them: cancel, resume, archive, in one transaction. */
import type { JobAct } from '#shared/contracts/jobs/methods.ts'
import type { JobChanged } from '#shared/contracts/jobs/views.ts'
import { HaifError } from '#shared/errors.ts'
import type { Queryable, Store } from '#shared/store/store.ts'
import type { Notices } from '../events/notices.ts'
import { eventsOf } from '../run/advance.ts'
import { moveJobs } from '../run/move-jobs.ts'
import { insertEvents } from '../store/events/insert-events.ts'
import { lockJobs } from '../store/jobs/lock-jobs.ts'
import { updateJobs } from '../store/jobs/update-jobs.ts'
import { JOB_ENDS, type JobRow } from '../store/rows.ts'
import { cancelTasks } from '../store/tasks/cancel-tasks.ts'
import { reviveTasks } from '../store/tasks/revive-tasks.ts'

interface ChangeDeps {
  store: Store
  notices: Notices
  /** After the change: the job has new events, tasks are ready, or nothing of it may run. */
  onChanged: (jobId: string) => void
  onReady: () => void
  onCanceled: (jobId: string) => void
  /** A job of this tenant has ended, so a held one may begin. */
  onHeld: (tenant: string) => void
}

export async function changeJob(
  deps: ChangeDeps,
  { jobId, tenant, act }: { jobId: string; tenant?: string; act: JobAct }
): Promise<JobChanged> {
  const { store, onChanged, onReady, onCanceled, onHeld } = deps
  const { job, isNews } = await store.transaction(async (tx) => {
    const [found] = await lockJobs(tx, [jobId])
    if (found === undefined || (tenant !== undefined && found.tenant_id !== tenant)) {
      throw new HaifError('NOT_FOUND', `there is no job ${jobId}`)
    }
    return ACTS[act](tx, found, deps.notices)
  })
  if (isNews) {
    onChanged(jobId)
    if (act === 'resume') onReady()
    if (act === 'cancel') onCanceled(jobId)
    if (act === 'cancel') onHeld(job.tenant_id)
  }
  return { accepted: true, jobId, status: job.status }
}

interface Changed {
  job: JobRow
  /** False: it was so before. */
  isNews: boolean
}

type Act = (tx: Queryable, job: JobRow, notices: Notices) => Promise<Changed>

const ACTS: Record<JobAct, Act> = { cancel, resume, archive }

async function cancel(tx: Queryable, job: JobRow, notices: Notices): Promise<Changed> {
  if (job.status === 'Canceled') return { job, isNews: false }
  if (JOB_ENDS.has(job.status)) throw contradicts(job, 'it cannot be canceled any more')
  const moved = await cancelTasks(tx, job.job_id)
  const [changed] = await moveJobs(tx, [job], moved, { isCanceled: true })
  await notices.tell(tx, { changed: [job.job_id], canceled: [job.job_id] })
  return { job: changed ?? job, isNews: true }
}

async function resume(tx: Queryable, job: JobRow, notices: Notices): Promise<Changed> {
  if (job.status !== 'Failed') throw contradicts(job, 'only a failed job can be resumed')
  const failed = await tx.query<{ task_id: string }>(
    `select task_id from tasks where job_id = $1 and status = 'Failed'`,
    [job.job_id]
  )
  const ids = failed.map(({ task_id }) => task_id)
  const moved = await reviveTasks(tx, job.job_id, ids)
  const [changed] = await moveJobs(tx, [job], moved)
  await notices.tell(tx, { changed: [job.job_id], ready: true })
  return { job: changed ?? job, isNews: true }
}

async function archive(tx: Queryable, job: JobRow, notices: Notices): Promise<Changed> {
  if (job.status === 'Archived') return { job, isNews: false }
  if (!JOB_ENDS.has(job.status)) throw contradicts(job, 'it has to end first')
  const archived: JobRow = { ...job, status: 'Archived' }
  const events = eventsOf({ job: archived, moved: [], isNews: true })
  await updateJobs(tx, [archived])
  await insertEvents(tx, events)
  await notices.tell(tx, { changed: [job.job_id] })
  return { job: archived, isNews: true }
}

function contradicts({ job_id, status }: JobRow, what: string): HaifError {
  return new HaifError('CONFLICT', `${job_id} is ${status}: ${what}`)
}
