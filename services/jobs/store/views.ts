/** Rows as callers see them. */
import { artifactUri, OUTPUT_ARTIFACT } from '#shared/contracts/jobs/artifacts.ts'
import type { TaskArtifact } from '#shared/contracts/jobs/task-run.ts'
import type { JobView, TaskView } from '#shared/contracts/jobs/views.ts'
import { plainText } from '#shared/contracts/plain-text.ts'
import type { RunSubject } from '#shared/contracts/functions/subject.ts'
import type { SubmitJob } from '#shared/contracts/jobs/submit.ts'
import type { JobRow, TaskRow } from './rows.ts'

const TEXT_MAX = 2048
/** Characters of an output that are shown in lists; a larger one is read as an artifact. */
const OUTPUT_SHOWN_MAX = 65_536

export function jobView(row: JobRow): JobView {
  const { plannerMode, policy, model } = JSON.parse(row.submitted) as SubmitJob
  const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = row
  const { total, queued, running, completed, failed, canceled } = row
  return {
    jobId: row.job_id,
    type: row.type,
    status: row.status,
    tenant: row.tenant_id,
    priority: row.priority,
    tasks: { total, queued, running, completed, failed, canceled },
    usage: { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens },
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
    ...present({
      plannerMode,
      policy,
      model,
      message: row.held ? 'waits until its tenant has fewer jobs running' : undefined,
      error: failureOf(row),
      startedAt: row.started_at?.getTime(),
      completedAt: row.ended_at?.getTime(),
      archivedAt: row.archived_at?.getTime(),
      subject: row.subject === null ? undefined : (JSON.parse(row.subject) as RunSubject)
    })
  }
}

function failureOf({ error_code: code, error_message, error_task: taskId }: JobRow) {
  if (code === null) return undefined
  const message = plainText(error_message ?? '', TEXT_MAX)
  return { code, message, ...(taskId === null ? {} : { taskId }) }
}

/** `waitingFor`: what the service knows of it beyond the row. */
export function taskView(row: TaskRow, waitingFor?: string): TaskView {
  const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = row
  const usage = { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens }
  return {
    taskId: row.task_id,
    type: row.type,
    status: row.status,
    dependencies: row.dependencies,
    attempt: row.attempt,
    maxAttempts: row.attempts_max,
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
    ...present({
      workerId: workerOf(row),
      ...leaseOf(row),
      waitingFor:
        row.status === 'Queued' ? (waitingFor ?? row.waiting_for ?? undefined) : undefined,
      progress: row.progress ?? undefined,
      model: row.model ?? undefined,
      usage: usage.totalTokens > 0 ? usage : undefined,
      ...outputOf(row),
      artifacts: artifactsOf(row),
      error: row.error_message === null ? undefined : plainText(row.error_message, TEXT_MAX),
      errorCode: row.error_code ?? undefined,
      startedAt: row.started_at?.getTime(),
      completedAt: row.ended_at?.getTime()
    })
  }
}

/** A request to the mesh says at the end of its output where it ran; before is a model's text. */
function workerOf({ worker, output }: TaskRow): string | undefined {
  if (worker === OF_THE_SERVICE) return undefined // a map runs nowhere but in its parts
  if (worker !== IN_MESH || output === null) return worker ?? undefined
  const at = output.lastIndexOf(WORKER)
  const key = at === -1 ? '' : output.slice(at + WORKER.length, at + WORKER.length + KEY_CHARACTERS)
  return /^[0-9a-f]{64}$/.test(key) ? key : IN_MESH
}

const IN_MESH = 'mesh'
const OF_THE_SERVICE = 'map'
const WORKER = '"worker":"'
const KEY_CHARACTERS = 64

function leaseOf({ status, attempt, leased_until: until }: TaskRow) {
  if (status !== 'Assigned' && status !== 'Running') return {}
  return { leaseId: String(attempt), leaseExpires: until?.getTime() }
}

/** What is not shown can be read as an artifact, whether it is kept as one or not. */
function outputOf({ job_id, task_id, output }: TaskRow): Partial<TaskView> {
  if (output === null) return {}
  if (output.length <= OUTPUT_SHOWN_MAX && !output.startsWith('{"$artifact"')) {
    return { output: JSON.parse(output) as unknown }
  }
  return { outputArtifactUri: artifactUri(job_id, task_id, OUTPUT_ARTIFACT) }
}

function artifactsOf({ job_id, task_id, artifacts }: TaskRow): TaskView['artifacts'] {
  if (artifacts === null) return undefined
  return (JSON.parse(artifacts) as TaskArtifact[]).map(({ name, sha256, bytes }) => {
    return { name, sha256, bytes, uri: artifactUri(job_id, task_id, name) }
  })
}

type Present<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> }

function present<Fields extends object>(fields: Fields): Present<Fields> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Present<Fields>
}
