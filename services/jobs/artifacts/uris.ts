/** `artifact://job/task/name`, as they stand in inputs. Pure. */
import { Compile } from '#shared/validator.ts'
import { bundleUri } from '#shared/contracts/functions/function-task.ts'
import { ArtifactName } from '#shared/contracts/jobs/artifacts.ts'
import { GIVEN_MAX, type GivenArtifact } from '#shared/contracts/jobs/task-run.ts'
import { HaifError } from '#shared/errors.ts'

const SCHEME = 'artifact://'
const validator = Compile(ArtifactName)

/** Null where the text only begins like one: it may be what somebody wrote. */
export function parseArtifactUri(uri: string): ArtifactName | null {
  if (!uri.startsWith(SCHEME)) return null
  const [jobId, taskId, name, ...more] = uri.slice(SCHEME.length).split('/')
  const found = { jobId, taskId, name }
  return more.length === 0 && validator.Check(found) ? found : null
}

/** All that an input names, each once. */
export function artifactUrisIn(input: unknown): string[] {
  const uris = new Set<string>()
  const waiting: unknown[] = [input]
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (typeof value === 'string') {
      if (parseArtifactUri(value) !== null) uris.add(value)
    } else if (typeof value === 'object' && value !== null) {
      for (const inner of Object.values(value)) if (inner !== undefined) waiting.push(inner)
    }
    if (uris.size > GIVEN_MAX) {
      throw new HaifError('VALIDATION_FAILED', `a task may read at most ${GIVEN_MAX} artifacts`)
    }
  }
  return [...uris]
}

/** The bundle that a function task runs; a gateway wrote it there for whoever may run it. */
export function bundleOf(input: unknown): GivenArtifact {
  const { bundle } = input as { bundle: { sha256: string; bytes: number } }
  return { uri: bundleUri(bundle.sha256), sha256: bundle.sha256, bytes: bundle.bytes }
}
