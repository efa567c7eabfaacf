/** Which workers fetch a model before anybody asks for it, and what became of each. Pure. */
import type { Prefetch, PrefetchedOn } from '#shared/contracts/http/admin/models.ts'
import type { WorkerView } from '#shared/contracts/http/admin/workers.ts'
import { SENTENCE_MAX, type PeerEntry } from '#shared/contracts/peers/peers.ts'
import { plainText } from '#shared/contracts/plain-text.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import { workerNamed } from './worker-named.ts'

/** Those that are named, else all that may take something new. */
export function prefetchTargets(
  { workers }: Pick<Prefetch, 'workers'>,
  views: readonly WorkerView[]
): WorkerView[] {
  if (workers !== undefined) {
    return [...new Set(workers.map((each) => workerNamed(each, views)))]
  }
  const taking = views.filter(({ state }) => state !== 'draining')
  if (taking.length > 0) return taking
  throw new HaifError('NOT_FOUND', 'no worker is connected that could fetch a model')
}

/** It is in its memory, or its file on the disk, as the worker reports it. */
export function hasIt(
  { name, digest }: { name: string; digest?: string | undefined },
  { worker }: Pick<PeerEntry, 'worker'>
): boolean {
  const isReady = worker?.models.some((each) => each.name === name && each.state === 'ready')
  return isReady === true || (digest !== undefined && worker?.weights?.includes(digest) === true)
}

/** One worker that cannot does not stop the others. */
export async function prefetchOn(
  { id, name }: Pick<WorkerView, 'id' | 'name'>,
  order: () => Promise<Pick<PrefetchedOn, 'state'> | null>
): Promise<PrefetchedOn> {
  const on = { worker: id, ...(name === undefined ? {} : { name }) }
  try {
    const ordered = await order()
    return ordered === null ? { ...on, outcome: 'here' } : { ...on, ...ordered, outcome: 'ordered' }
  } catch (error) {
    const { code, message } = toHaifError(error)
    const said = plainText(message, SENTENCE_MAX)
    return { ...on, outcome: 'failed', error: { code, message: said } }
  }
}
