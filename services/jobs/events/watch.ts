/** The stream of one job: a snapshot, its events as they happen, and text of running tasks. */
import { ENDING_EVENTS, type JobEvent } from '#shared/contracts/jobs/events.ts'
import { LIST_MAX, type TaskDelta } from '#shared/contracts/jobs/views.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Store } from '#shared/store/store.ts'
import { fittingOutputs } from '../intake/fitting-outputs.ts'
import { assertJob } from '../intake/read.ts'
import { readEvents } from '../store/events/read-events.ts'
import { JOB_ENDS, type TaskRow } from '../store/rows.ts'
import { listTasks } from '../store/tasks/list-tasks.ts'
import { runningAttempts } from '../store/tasks/running-attempts.ts'
import { jobView, taskView } from '../store/views.ts'
import type { Feed, Live } from './live.ts'

interface WatchDeps {
  store: Store
  live: Live
  whyWaiting: (task: TaskRow) => string | undefined
}

interface WatchRequest {
  tenant?: string
  jobId: string
  after?: number
}

const EVENTS_READ = 500
/** Looked again for what no notice has told. */
const LOOK_MS = 5000

export async function* watch(
  deps: WatchDeps,
  { tenant, jobId, after }: WatchRequest,
  { signal }: RequestContext
): AsyncGenerator<JobEvent, object, void> {
  const { store, live } = deps
  using feed = live.follow(jobId) // before anything is read, so that nothing falls between
  let kept = live.keptOf(jobId) // of what comes from now on the feed has it
  let at = after
  for (;;) {
    if (at === undefined) {
      const { snapshot, before } = await snapshotOf(deps, jobId, tenant)
      yield snapshot
      at = before
    }
    const job = await assertJob(store, jobId, tenant)
    yield* stillRunning(kept, kept.length === 0 ? NOTHING : await runningAttempts(store, jobId))
    kept = []
    const events = await readEvents(store, jobId, at, EVENTS_READ)
    if (events.length > 0 && events[0]!.id > at + 1) {
      at = undefined // the history does not reach back that far any more
      continue
    }
    for (const { id, event, data } of events) {
      // An end is told last: text that came before it may not have had its turn yet.
      if (ENDS.has(event)) yield* textsOf(feed)
      yield { event, id, data: JSON.parse(data) }
      at = id
    }
    if (events.length > 0) continue
    // The job was read before its events, so that an end has its event among them.
    if (JOB_ENDS.has(job.status) && job.events <= at) return {}
    yield* textsOf(feed)
    await feed.next(LOOK_MS, signal)
  }
}

const NOTHING: ReadonlyMap<string, number> = new Map()

/** Text from before the reader came; readers that have seen some of it know by its offset. */
function* stillRunning(
  kept: readonly TaskDelta[],
  attempts: ReadonlyMap<string, number>
): Generator<JobEvent, void, void> {
  for (const data of kept) {
    if (attempts.get(data.taskId) === data.attempt) yield { event: 'task.output', data }
  }
}

function* textsOf(feed: Feed): Generator<JobEvent, void, void> {
  for (const data of feed.texts()) yield { event: 'task.output', data }
}

/** `before`: the event after which the stream goes on; of a job that has ended that is its end. */
async function snapshotOf({ store, whyWaiting }: WatchDeps, jobId: string, tenant?: string) {
  const job = await assertJob(store, jobId, tenant)
  const { tasks } = await listTasks(store, { jobId, limit: LIST_MAX, offset: 0 })
  const shown = tasks.map((task) => taskView(task, whyWaiting(task)))
  const data = { job: jobView(job), tasks: fittingOutputs(jobId, shown) }
  const { events: id } = job
  const snapshot: JobEvent = { event: 'job.snapshot', data, ...(id === 0 ? {} : { id }) }
  if (!JOB_ENDS.has(job.status)) return { snapshot, before: id }
  const [last] = await readEvents(store, jobId, id - 1, 1)
  const isEnd = ENDS.has(last?.event ?? 'job.snapshot')
  return { snapshot, before: isEnd ? id - 1 : id }
}

const ENDS: ReadonlySet<JobEvent['event']> = new Set([...ENDING_EVENTS, 'job.archived'])
