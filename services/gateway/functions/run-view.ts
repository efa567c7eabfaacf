/** A run as its caller reads it, from the job and the tasks that it is. Pure. */
import type { RunNode, RunView } from '#shared/contracts/functions/runs.ts'
import type { JobView, TaskView } from '#shared/contracts/jobs/views.ts'

interface FunctionOutput {
  value?: unknown
  /** Of an inference. */
  text?: string
  stdout?: string
  stderr?: string
}

export function runView(job: JobView, tasks: readonly TaskView[]): RunView {
  const { subject, jobId: runId, status, message, error, usage, createdAt } = job
  const { startedAt, completedAt } = job
  return {
    runId,
    subject: subject!,
    status,
    usage,
    createdAt,
    nodes: tasks.map(nodeView),
    ...(message === undefined ? {} : { message }),
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
    ...resultOf(job, tasks),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(completedAt === undefined ? {} : { completedAt })
  }
}

/**
 * The value of the node that is asked for. One that was too large to be kept with its task is an
 * artifact.
 */
function resultOf(job: JobView, tasks: readonly TaskView[]): Partial<RunView> {
  const { subject, jobId, status } = job
  const id = subject?.output
  if (id === undefined || status !== 'Completed') return {}
  const task = tasks.find(({ taskId }) => taskId === id)
  const output = isOnly(tasks) ? (job.result ?? task?.output) : task?.output
  if (output === undefined) {
    const large = task !== undefined || job.resultArtifactUri !== undefined
    return large ? { resultArtifact: `${jobId}/artifacts/${id}/output.json` } : {}
  }
  const { value, text } = output as FunctionOutput
  const name = artifactNameOf(value)
  if (name !== undefined) return { resultArtifact: `${jobId}/artifacts/${id}/${name}` }
  return { result: value === undefined ? text : value }
}

/** Only then what the job puts out is what its one task has put out. */
const isOnly = (tasks: readonly TaskView[]): boolean => tasks.length === 1

function artifactNameOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('$artifact' in value)) return undefined
  return String(value.$artifact)
}

/** `artifact://job/task/name` as an address below `/v1/jobs`. */
function pathOf(uri: string): string {
  const [job, task, name] = uri.slice('artifact://'.length).split('/')
  return `${job}/artifacts/${task}/${name}`
}

function nodeView(task: TaskView): RunNode {
  const { taskId, type, status, attempt, workerId, waitingFor, error, errorCode, output } = task
  const { stdout, stderr } = (output ?? {}) as FunctionOutput
  const optional = {
    machine: workerId,
    waitingFor,
    error,
    errorCode,
    stdout,
    stderr,
    startedAt: task.startedAt,
    completedAt: task.completedAt
  }
  const artifacts = (task.artifacts ?? []).map(({ name, uri, bytes, sha256 }) => ({
    name,
    path: pathOf(uri),
    bytes,
    sha256
  }))
  const there = Object.entries(optional).filter(([, value]) => value !== undefined)
  return { node: taskId, type, status, attempt, artifacts, ...Object.fromEntries(there) }
}
