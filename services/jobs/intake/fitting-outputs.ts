/** Outputs of many tasks together may be more than one message holds; then some are only named. */
import { artifactUri, OUTPUT_ARTIFACT } from '#shared/contracts/jobs/artifacts.ts'
import type { TaskView } from '#shared/contracts/jobs/views.ts'

/** Of the 4 MiB of a message; the rest is for everything else that tasks say. */
const OUTPUT_BYTES_MAX = 2_097_152

/** The tasks as they are, the outputs of the first of them, and where the others are. */
export function fittingOutputs(jobId: string, tasks: readonly TaskView[]): TaskView[] {
  let room = OUTPUT_BYTES_MAX
  return tasks.map((task) => {
    const { output, ...others } = task
    if (output === undefined) return task
    room -= Buffer.byteLength(JSON.stringify(output))
    if (room >= 0) return task
    return { ...others, outputArtifactUri: artifactUri(jobId, task.taskId, OUTPUT_ARTIFACT) }
  })
}
