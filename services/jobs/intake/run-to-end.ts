/** A job for a caller that waits for its end: taken, run, and told in one stream. */
import type { JobWithTasks, SubmitFor } from '#shared/contracts/jobs/methods.ts'
import type { JobAccepted } from '#shared/contracts/jobs/submit.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Store } from '#shared/store/store.ts'
import type { EndedRows } from '../direct/unstored.ts'
import type { Live } from '../events/live.ts'
import { JOB_ENDS, type TaskRow } from '../store/rows.ts'
import { jobView, taskView } from '../store/views.ts'
import { assertJob, tasksPage } from './read.ts'
import { jobWithResult, withOutput } from './result.ts'
import type { Intake } from './submit.ts'

interface RunDeps {
  store: Store
  live: Live
  intake: Pick<Intake, 'run'>
  whyWaiting: (task: TaskRow) => string | undefined
}

/** Looked again for what no notice has told. */
const LOOK_MS = 5000

export async function* runToEnd(
  deps: RunDeps,
  { waitMs, ...request }: SubmitFor & { waitMs: number },
  context: RequestContext
): AsyncGenerator<JobAccepted, JobWithTasks, void> {
  const until = performance.now() + waitMs
  const taking = deps.intake.run(request, context)
  let jobId = ''
  for (;;) {
    const { done, value } = await taking.next()
    if (done === true) {
      if (value !== null) return ended(value)
      break
    }
    jobId = value.jobId
    yield value
  }
  return waited(deps, { tenant: request.tenant, jobId, until }, context)
}

function ended({ job, task }: EndedRows): JobWithTasks {
  return { job: withOutput(jobView(job), task.task_id, task.output), tasks: [taskView(task)] }
}

async function waited(
  { store, live, whyWaiting }: RunDeps,
  { tenant, jobId, until }: { tenant: string; jobId: string; until: number },
  { signal }: RequestContext
): Promise<JobWithTasks> {
  using feed = live.follow(jobId) // before it is read, so that nothing falls between
  for (;;) {
    const job = await assertJob(store, jobId, tenant)
    const leftMs = until - performance.now()
    if (JOB_ENDS.has(job.status) || leftMs <= 0) {
      const [view, { tasks }] = await Promise.all([
        jobWithResult(store, job),
        tasksPage(store, jobId, { limit: 0 }, whyWaiting)
      ])
      return { job: view, tasks }
    }
    await feed.next(Math.min(leftMs, LOOK_MS), signal)
  }
}
