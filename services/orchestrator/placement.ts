/**
 * The choice of a worker for an attempt: among those that hold the model, the one with the least
 * load for its slots. Pure: data in, decision out.
 */
export interface WorkerView {
  key: string
  draining: boolean
  /** When this orchestrator last chose it; breaks ties, so that equal workers take turns. */
  lastPlacedAt: number
  models: ModelView[]
}

export interface ModelView {
  name: string
  ready: boolean
  slots: number
  /** Requests running and waiting there, as far as is known now. */
  load: number
}

export type Placement =
  | { kind: 'placed'; workerKey: string }
  | { kind: 'refused'; code: 'MODEL_NOT_FOUND' | 'NO_ELIGIBLE_WORKER'; reason: string }

export interface PlacementRequest {
  model: string
  /** Workers that have failed this request already. */
  exclude: ReadonlySet<string>
}

export function placeAttempt(
  workers: readonly WorkerView[],
  { model, exclude }: PlacementRequest
): Placement {
  let best: { worker: WorkerView; load: number } | null = null
  let holders = 0
  for (const worker of workers) {
    const held = worker.models.find(({ name }) => name === model)
    if (held === undefined) continue
    holders++
    if (!held.ready || worker.draining || exclude.has(worker.key)) continue
    const load = held.load / Math.max(1, held.slots)
    if (best === null || load < best.load || (load === best.load && isNext(worker, best.worker))) {
      best = { worker, load }
    }
  }
  if (best !== null) return { kind: 'placed', workerKey: best.worker.key }
  if (workers.length === 0) {
    return { kind: 'refused', code: 'NO_ELIGIBLE_WORKER', reason: 'no worker is up' }
  }
  if (holders === 0) {
    return { kind: 'refused', code: 'MODEL_NOT_FOUND', reason: `no worker holds ${model}` }
  }
  const reason = `no worker that holds ${model} can take the request now`
  return { kind: 'refused', code: 'NO_ELIGIBLE_WORKER', reason }
}

/** The model for a request that names none: the one that most workers hold ready; then by name. */
export function defaultModel(workers: readonly WorkerView[]): string | null {
  const holders = new Map<string, number>()
  for (const { models } of workers) {
    for (const { name, ready } of models) {
      if (ready) holders.set(name, (holders.get(name) ?? 0) + 1)
    }
  }
  const [first] = [...holders].toSorted(([a, m], [b, n]) => n - m || a.localeCompare(b))
  return first?.[0] ?? null
}

const isNext = (a: WorkerView, b: WorkerView): boolean => a.lastPlacedAt < b.lastPlacedAt
