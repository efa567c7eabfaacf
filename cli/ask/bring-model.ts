/** Which model of the mesh a person means, and which worker could bring one that is not there. */
import type { WorkerView } from '#shared/contracts/http/admin/workers.ts'
import { HaifError } from '#shared/errors.ts'
import { knownModel, modelUri } from '#shared/models/known-models.ts'

/** The name under which the mesh has it; undefined: it has not, or only where it failed. */
export function heldName(
  wanted: string,
  workers: readonly Pick<WorkerView, 'models'>[]
): string | undefined {
  const uri = modelUri(wanted)
  const usable = workers.flatMap(({ models }) => models).filter(({ state }) => state !== 'failed')
  const found =
    usable.find(({ name }) => name === wanted) ?? usable.find(({ source }) => source === uri)
  return found?.name
}

/** The one with the most memory to spare. Throws, with figures, when none could hold it. */
export function workerToBring(wanted: string, workers: readonly WorkerView[]): WorkerView {
  const able = workers
    .filter(({ state, engines }) => state !== 'paused' && state !== 'draining' && isOwn(engines))
    .toSorted((a, b) => bytesFree(b) - bytesFree(a))
  const [best] = able
  if (best === undefined) {
    throw new HaifError(
      'NO_ELIGIBLE_WORKER',
      `no worker can bring ${wanted}: "haif invite" adds a machine, and "haif up" runs one here`
    )
  }
  const { memoryBytes = 0 } = knownModel(wanted) ?? {}
  if (memoryBytes <= bytesFree(best)) return best
  throw new HaifError(
    'NO_ELIGIBLE_WORKER',
    `${wanted} needs about ${gigabytes(memoryBytes)} of memory, and the most that a worker has free is ${gigabytes(bytesFree(best))}`
  )
}

/** A worker that only passes on to another server loads nothing. One that says nothing may. */
const isOwn = (engines: WorkerView['engines']): boolean =>
  engines?.every(({ kind }) => kind !== 'openai') ?? true

const bytesFree = ({ hardware }: WorkerView): number =>
  Math.max(hardware?.gpu?.freeBytes ?? 0, hardware?.ram.freeBytes ?? 0)

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`
