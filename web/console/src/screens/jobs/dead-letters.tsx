/** Tasks that have used up their attempts, and another chance for them. */
import type { DeadLetterBody } from '../../mesh/bodies.ts'
import { now } from '../../mesh/live.ts'
import { useRead } from '../../mesh/read.ts'
import { Empty, Loading, Trouble } from '../../ui/parts.tsx'
import { confirm, perform } from '../../ui/perform.ts'
import { Table, type Column } from '../../ui/table.tsx'
import { ago, counted } from '../../view/figures.ts'
import { linkTo } from '../../view/route.ts'
import { workerName } from '../requests/columns.tsx'

const PATH = 'v1/admin/queue/dead-letter'
const EVERY_MS = 10_000
/** One order has at most so many. */
const REQUEUE_MAX = 100

export function DeadLetters() {
  const { data, failure } = useRead<{ total: number; tasks: DeadLetterBody[] }>(PATH, EVERY_MS)
  if (data === null) {
    return failure === null ? <Loading /> : <Trouble failure={failure} onRetry={() => {}} />
  }
  if (data.total === 0) {
    return <Empty command="haif jobs dead">No task has used up its attempts.</Empty>
  }
  const count = Math.min(data.total, REQUEUE_MAX)
  return (
    <>
      <div class="filters">
        <button type="button" class="plain" onClick={() => requeueAll(count)}>
          Try {counted(count, 'task')} again
        </button>
      </div>
      <Table<DeadLetterBody>
        label="Dead letters"
        rows={data.tasks}
        keyOf={({ job_id: job, task_id: task }) => `${job} ${task}`}
        columns={COLUMNS}
      />
    </>
  )
}

const COLUMNS: readonly Column<DeadLetterBody>[] = [
  {
    name: 'Task',
    cell: ({ job_id: job, task_id: task, type }) => (
      <>
        <a class="row-link" href={linkTo('jobs', job)}>
          {task}
        </a>
        <span class="sub">{type}</span>
      </>
    )
  },
  { name: 'Tenant', cell: ({ tenant }) => tenant },
  {
    name: 'Why',
    cell: ({ reason, message }) => (
      <>
        <code>{reason}</code>
        <span class="sub">{message}</span>
      </>
    )
  },
  { name: 'Attempts', cell: ({ attempts }) => attempts, isNumber: true },
  {
    name: 'Last machine',
    cell: ({ last_worker: worker }) => (worker === undefined ? '' : workerName(worker)),
    isMinor: true
  },
  { name: 'Since', cell: ({ dead_at: at }) => ago(Date.parse(at), now.value) },
  { name: '', cell: (letter) => <Again letter={letter} /> }
]

function Again({ letter: { job_id: job, task_id: task } }: { letter: DeadLetterBody }) {
  const body = { tasks: [{ job_id: job, task_id: task }] }
  const manner = { done: `${task} is tried again.`, changes: [PATH] }
  return (
    <span class="row-actions">
      <button
        type="button"
        class="plain small"
        aria-label={`Try again: ${task}`}
        onClick={() => void perform('deadLetter.requeue', { body }, manner)}
      >
        Try again
      </button>
    </span>
  )
}

function requeueAll(count: number): void {
  confirm({
    title: `Try ${counted(count, 'task')} again?`,
    text: 'The oldest first, with as many attempts as they had.',
    verb: 'Try again',
    act: () =>
      perform(
        'deadLetter.requeue',
        { body: { filter: {}, max: count }, headers: { 'x-haif-confirm': String(count) } },
        { done: `${counted(count, 'task')} are tried again.`, changes: [PATH] }
      )
  })
}
