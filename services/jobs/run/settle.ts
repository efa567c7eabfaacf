/** One transaction for reports about attempts: tasks, dependents, jobs, events, all or none. */
import type { Store } from '#shared/store/store.ts'
import type { Notices } from '../events/notices.ts'
import { beginAttempts, type Begun } from '../store/attempts/begin-attempts.ts'
import { completeTasks, type Completed } from '../store/attempts/complete-tasks.ts'
import { endAttempts, type Ended } from '../store/attempts/end-attempts.ts'
import type { MovedTask } from '../store/attempts/fenced.ts'
import { insertArtifacts } from '../store/artifacts/artifacts.ts'
import { lockJobs } from '../store/jobs/lock-jobs.ts'
import { JOB_ENDS, type JobRow } from '../store/rows.ts'
import { cancelDependents } from '../store/tasks/cancel-dependents.ts'
import { readyDependents } from '../store/tasks/ready-dependents.ts'
import { moveJobs } from './move-jobs.ts'

export type Report =
  | { kind: 'begun'; of: Begun }
  | { kind: 'completed'; of: Completed }
  | { kind: 'ended'; of: Ended }

export interface SettleDeps {
  store: Store
  notices: Notices
  owner: string
}

export interface Settled {
  /** Jobs with new events. */
  changed: readonly string[]
  /** Tasks became ready, or were put back. */
  ready: boolean
  /** Tenants of which a job has ended. */
  endedFor: readonly string[]
  /** For the metrics: tasks that have moved, jobs that have ended, leases that had run out. */
  moved: readonly MovedTask[]
  jobs: readonly JobRow[]
  lost: number
}

export async function settle(
  { store, notices, owner }: SettleDeps,
  reports: readonly Report[]
): Promise<Settled> {
  const begun = reports.flatMap((each) => (each.kind === 'begun' ? [each.of] : []))
  const completed = reports.flatMap((each) => (each.kind === 'completed' ? [each.of] : []))
  const ended = reports.flatMap((each) => (each.kind === 'ended' ? [each.of] : []))
  return store.transaction(async (tx) => {
    const names = reports.map(({ of }) => of.job_id)
    const jobs = await lockJobs(tx, names)
    const moved: MovedTask[] = []
    if (begun.length > 0) moved.push(...(await beginAttempts(tx, owner, begun)))
    const done = completed.length === 0 ? [] : await completeTasks(tx, owner, completed)
    await insertArtifacts(tx, done)
    const gone = ended.length === 0 ? [] : await endAttempts(tx, owner, ended)
    const dead = gone.filter(({ status }) => status === 'Failed')
    const lost = dead.length === 0 ? [] : await cancelDependents(tx, dead)
    moved.push(...done, ...gone, ...lost)
    const freed = await readyDependents(tx, ofSeveral(jobs, done))
    const ready = freed + gone.length - dead.length > 0
    const changed = await moveJobs(tx, jobs, moved)
    const ids = changed.map(({ job_id }) => job_id)
    await notices.tell(tx, { changed: ids, ...(ready ? { ready } : {}) })
    const over = changed.filter(({ status }) => JOB_ENDS.has(status))
    const endedFor = over.map(({ tenant_id }) => tenant_id)
    const losses = ended.filter(({ outcome }) => outcome === 'lost').length
    return { changed: ids, ready, endedFor, moved, jobs: over, lost: losses }
  })
}

/** Nothing waits for the only task of a job. */
function ofSeveral(jobs: readonly JobRow[], tasks: readonly MovedTask[]): MovedTask[] {
  const several = new Set(jobs.filter(({ total }) => total > 1).map(({ job_id }) => job_id))
  return tasks.filter(({ job_id }) => several.has(job_id))
}
