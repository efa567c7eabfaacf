/** Dead letters, as operators see them and let them run again. */
import type {
  DeadLetter,
  DeadLetterList,
  DeadLetterQuery,
  RequeueDeadLetters,
  RequeueReport
} from '#shared/contracts/jobs/dead-letters.ts'
import { REQUEUE_MAX } from '#shared/contracts/jobs/dead-letters.ts'
import { plainText } from '#shared/contracts/plain-text.ts'
import { HaifError } from '#shared/errors.ts'
import type { Store } from '#shared/store/store.ts'
import type { Notices } from '../events/notices.ts'
import { moveJobs } from '../run/move-jobs.ts'
import type { MovedTask } from '../store/attempts/fenced.ts'
import { lockJobs } from '../store/jobs/lock-jobs.ts'
import { deadLetters, type DeadRow } from '../store/tasks/dead-letters.ts'
import { reviveTasks } from '../store/tasks/revive-tasks.ts'

const SHOWN = 50
const MESSAGE_MAX = 2048

export async function deadLettersPage(
  store: Store,
  { limit = SHOWN, offset = 0, ...filter }: DeadLetterQuery
): Promise<DeadLetterList> {
  const page = { filter, tasks: null, oldestFirst: false, limit, offset }
  const rows = await deadLetters(store, page)
  return { total: rows[0]?.of_all ?? 0, tasks: rows.map(deadLetter) }
}

interface RequeueDeps {
  store: Store
  notices: Notices
  onRequeued: (jobIds: readonly string[]) => void
}

export async function requeue(
  { store, notices, onRequeued }: RequeueDeps,
  { tasks, filter, dryRun = false, max = REQUEUE_MAX }: RequeueDeadLetters
): Promise<RequeueReport> {
  if (tasks === undefined && filter === undefined) {
    throw new HaifError('VALIDATION_FAILED', 'say which: name tasks, or give a filter')
  }
  const page = {
    filter: filter ?? {},
    tasks: tasks ?? null,
    oldestFirst: true,
    limit: max,
    offset: 0
  }
  const found = await deadLetters(store, page)
  const names = found.map(({ job_id: jobId, task_id: taskId }) => ({ jobId, taskId }))
  const isFound = (jobId: string, taskId: string) =>
    names.some((each) => each.jobId === jobId && each.taskId === taskId)
  const unknown = (tasks ?? []).filter(({ jobId, taskId }) => !isFound(jobId, taskId))
  const report = { dryRun, requested: tasks?.length ?? names.length, tasks: names, unknown }
  if (dryRun || names.length === 0) return { ...report, requeued: names.length }
  const revived = await revive(store, notices, found)
  onRequeued([...new Set(revived.map(({ job_id }) => job_id))])
  const requeued = revived.filter(({ was }) => was === 'Failed').length
  return { ...report, requeued }
}

async function revive(store: Store, notices: Notices, dead: readonly DeadRow[]) {
  return store.transaction(async (tx) => {
    const byJob = Map.groupBy(dead, ({ job_id }) => job_id)
    const jobs = await lockJobs(tx, [...byJob.keys()])
    const moved: MovedTask[] = []
    for (const { job_id } of jobs) {
      const ids = byJob.get(job_id)!.map(({ task_id }) => task_id)
      moved.push(...(await reviveTasks(tx, job_id, ids)))
    }
    const changed = await moveJobs(tx, jobs, moved)
    await notices.tell(tx, { changed: changed.map(({ job_id }) => job_id), ready: true })
    return moved
  })
}

function deadLetter(row: DeadRow): DeadLetter {
  const { worker, first_at, last_at, requeued_at } = row
  return {
    jobId: row.job_id,
    taskId: row.task_id,
    type: row.type,
    tenant: row.tenant_id,
    reason: row.error_code ?? 'INTERNAL',
    message: plainText(row.error_message ?? '', MESSAGE_MAX),
    attempts: row.attempts,
    deadAt: row.dead_at!.getTime(),
    ...(worker === null ? {} : { lastWorker: worker }),
    ...(first_at === null ? {} : { firstAttemptAt: first_at.getTime() }),
    ...(last_at === null ? {} : { lastAttemptAt: last_at.getTime() }),
    ...(requeued_at === null ? {} : { requeuedAt: requeued_at.getTime() })
  }
}
