/** A job as its owner reads it, with what it has come to. */
import type { JobView } from '#shared/contracts/jobs/views.ts'
import type { Store } from '#shared/store/store.ts'
import type { JobRow } from '../store/rows.ts'
import { lastOutputs } from '../store/tasks/last-outputs.ts'
import { jobView } from '../store/views.ts'

/** Of one output in a reply, which holds 4 MiB; a longer one is an artifact. */
const RESULT_CHARACTERS_MAX = 262_144
const ENDED: ReadonlySet<JobRow['status']> = new Set(['Completed', 'Archived'])

/** The output of the last task; where several are the last, of each by its name. */
export async function jobWithResult(store: Store, row: JobRow): Promise<JobView> {
  const job = jobView(row)
  if (!ENDED.has(row.status)) return job
  const last = await lastOutputs(store, row.job_id, RESULT_CHARACTERS_MAX)
  const [first, ...others] = last
  if (first === undefined) return job
  if (others.length > 0) return { ...job, result: byName(last) }
  return withOutput(job, first.task_id, first.output)
}

/** `output` null: it is too long for a reply. */
export function withOutput(job: JobView, taskId: string, output: string | null): JobView {
  const resultArtifactUri = `artifact://${job.jobId}/${taskId}/output.json`
  if (output === null || output.length > RESULT_CHARACTERS_MAX) return { ...job, resultArtifactUri }
  return { ...job, result: JSON.parse(output) as unknown, resultArtifactUri }
}

function byName(outputs: Awaited<ReturnType<typeof lastOutputs>>): Record<string, unknown> {
  let room = RESULT_CHARACTERS_MAX
  const fitting = outputs.filter(({ output }) => output !== null && (room -= output.length) >= 0)
  return Object.fromEntries(
    fitting.map(({ task_id, output }) => [task_id, JSON.parse(output!) as unknown])
  )
}
