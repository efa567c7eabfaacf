/** Which worker an operator means: by its key, the beginning of its key, or its name. */
import type { WorkerView } from '#shared/contracts/http/admin/workers.ts'
import { HaifError } from '#shared/errors.ts'
import { nearName } from '#shared/kit/near-name.ts'

const SHOWN_MAX = 8
const SHORT_KEY = 8
const KEY_BEGINNING = /^[0-9a-f]{4,64}$/

/** Throws, with the candidates, when it is not exactly one. */
export function workerNamed<Worker extends Pick<WorkerView, 'id' | 'name'>>(
  wanted: string,
  workers: readonly Worker[]
): Worker {
  const named = workers.filter(({ name }) => name === wanted)
  const found =
    named.length > 0 || !KEY_BEGINNING.test(wanted)
      ? named
      : workers.filter(({ id }) => id.startsWith(wanted))
  const [worker] = found
  if (worker !== undefined && found.length === 1) return worker
  const candidates = listed(found.length > 1 ? found : workers)
  throw new HaifError(
    'NOT_FOUND',
    found.length > 1
      ? `${found.length} workers are meant by ${wanted}: ${candidates}`
      : `no worker ${wanted} is connected; there ${workers.length === 0 ? 'is none' : `are ${candidates}`}${guess(wanted, workers)}`
  )
}

function guess(wanted: string, workers: readonly Pick<WorkerView, 'name'>[]): string {
  const near = nearName(
    wanted,
    workers.flatMap(({ name }) => name ?? [])
  )
  return near === undefined ? '' : `; did you mean ${near}?`
}

function listed(workers: readonly Pick<WorkerView, 'id' | 'name'>[]): string {
  const shown = workers
    .slice(0, SHOWN_MAX)
    .map(({ id, name }) => (name === undefined ? id : `${name} (${id.slice(0, SHORT_KEY)})`))
  return shown.join(', ') + (workers.length > SHOWN_MAX ? ', …' : '')
}
