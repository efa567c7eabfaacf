/** The models of the mesh for a machine that joins. Pure. */
import {
  SHARED_MODELS_MAX,
  type PeerReport,
  type SharedModel
} from '#shared/contracts/peers/peers.ts'

/** Those that most workers hold first. */
export function sharedModels(reports: Iterable<PeerReport>): SharedModel[] {
  const shared = new Map<string, SharedModel>() // bounded by what the workers report
  for (const { name, state, source, sizeBytes, memory } of modelsIn(reports)) {
    if (state === 'failed') continue
    const { workers, ...known } = shared.get(name) ?? { name, workers: 0 }
    const facts = { source, sizeBytes, memory }
    const told = Object.entries(facts).filter(([, fact]) => fact !== undefined)
    shared.set(name, { ...Object.fromEntries(told), ...known, workers: workers + 1 })
  }
  return [...shared.values()]
    .toSorted((a, b) => b.workers - a.workers || (a.name < b.name ? -1 : 1))
    .slice(0, SHARED_MODELS_MAX)
}

function* modelsIn(reports: Iterable<PeerReport>) {
  for (const { worker } of reports) yield* worker?.models ?? []
}
