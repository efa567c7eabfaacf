/** Jobs and tasks as lines of text. */
import type { JobState, JobView, TaskState, TaskView } from '#shared/contracts/jobs/views.ts'
import { table, type Cell } from './table.ts'
import { paint, printable, printableLine, shortKey, type Screen } from './terminal.ts'

const FORMATS: Partial<Record<JobState | TaskState, Cell['format']>> = {
  Completed: 'green',
  Failed: 'red',
  Running: 'cyan',
  Assigned: 'cyan',
  Canceled: 'yellow'
}
const BAR_CHARACTERS = 20
const RESULT_CHARACTERS_MAX = 4000

export const state = (status: JobState | TaskState): Cell => {
  const format = FORMATS[status]
  return format === undefined ? { text: status } : { text: status, format }
}

export function renderJobs(jobs: readonly JobView[], screen: Screen, now: number): string[] {
  if (jobs.length === 0) return ['no jobs']
  const rows = jobs.map((job): Cell[] => [
    { text: job.jobId, format: 'bold' },
    state(job.status),
    { text: `${job.tasks.completed}/${job.tasks.total} tasks` },
    { text: printableLine(job.type) },
    { text: job.priority },
    { text: printableLine(job.tenant) },
    { text: `${spanText(now - job.createdAt)} ago` }
  ])
  return table(rows, screen, '')
}

export function renderJob(job: JobView, tasks: readonly TaskView[], screen: Screen): string[] {
  const { status, tasks: counts, usage } = job
  const took = (job.completedAt ?? job.updatedAt) - (job.startedAt ?? job.createdAt)
  const facts = [
    job.type,
    job.priority,
    `tenant ${job.tenant}`,
    ...(job.model === undefined ? [] : [`model ${job.model}`]),
    `${usage.promptTokens} + ${usage.completionTokens} tokens`,
    spanText(took)
  ]
  const said = job.error === undefined ? job.message : `${job.error.code}: ${job.error.message}`
  return [
    ...table([[{ text: job.jobId, format: 'bold' }, state(status)]], screen, ''),
    `${bar(counts.total === 0 ? 0 : counts.completed / counts.total)} ${printableLine(facts.join(', '))}`,
    ...(said === undefined ? [] : [paint(screen, 'yellow', printableLine(said))]),
    '',
    ...renderTasks(tasks, screen),
    ...resultLines(job)
  ]
}

export function renderTasks(tasks: readonly TaskView[], screen: Screen): string[] {
  const rows = tasks.map((task): Cell[] => [
    { text: printableLine(task.taskId), format: 'bold' },
    { text: task.type },
    state(task.status),
    { text: bar(progressOf(task)) },
    { text: triesOf(task) },
    { text: task.workerId === undefined || isWaiting(task) ? '' : placeText(task.workerId) },
    { text: task.usage === undefined ? '' : `${task.usage.totalTokens} tokens` },
    { text: printableLine(noteOf(task)) }
  ])
  return table(rows, screen, '')
}

/** 0 to 1. */
function progressOf({ status, progress, parts }: TaskView): number {
  if (status === 'Completed') return 1
  if (parts !== undefined && parts.total > 0) return parts.completed / parts.total
  return progress ?? 0
}

/** Of a map its parts have attempts. */
const triesOf = (task: TaskView): string =>
  task.attempt > 1 && task.workerId !== undefined && !isWaiting(task)
    ? `attempt ${task.attempt}`
    : ''

/** Nobody has it, and nothing has failed: whom it was offered to is no news. */
const isWaiting = ({ status, error }: TaskView): boolean =>
  status === 'Queued' && error === undefined

const noteOf = ({ error, errorCode, waitingFor, status, parts }: TaskView): string => {
  if (status === 'Completed') return parts === undefined ? '' : `${parts.total} parts`
  if (error !== undefined) return `${errorCode ?? 'error'}: ${error}`
  return waitingFor === undefined ? '' : `waits: ${waitingFor}`
}

/** Keys of workers are long; names are not. */
export const placeText = (worker: string): string =>
  /^[0-9a-f]{64}$/.test(worker) ? shortKey(worker) : printableLine(worker)

function bar(fraction: number): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_CHARACTERS)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CHARACTERS - full)}`
}

/** The text of a result, or its JSON. */
export function resultText({ result }: Pick<JobView, 'result'>): string | null {
  if (result === undefined || result === null) return null
  const { text } = result as { text?: unknown }
  const shown = typeof text === 'string' ? text : JSON.stringify(result, null, 2)
  return shown.length > RESULT_CHARACTERS_MAX ? `${shown.slice(0, RESULT_CHARACTERS_MAX)}…` : shown
}

function resultLines(job: JobView): string[] {
  const text = resultText(job)
  if (text !== null) return ['', ...printable(text).split('\n')]
  return job.resultArtifactUri === undefined ? [] : ['', `result: ${job.resultArtifactUri}`]
}

export function spanText(ms: number): string {
  const seconds = Math.max(0, ms / 1000)
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}
