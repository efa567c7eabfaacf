/**
 * The peers that are connected now, as they last reported themselves, and the models that their
 * workers hold. In memory; what must survive is written by `PeerRecorder`.
 */
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { ModelEntry, PeerReport, WorkerModel } from '#shared/contracts/peers/peers.ts'

export interface Catalogue {
  /** `key` is the peer's public key in hex. */
  setPeer(key: string, report: PeerReport): void
  removePeer(key: string): void
  peer(key: string): PeerReport | undefined
  /** Those of all connected peers. */
  reports(): Iterable<PeerReport>
  /** Takes from the database when models were first seen, in milliseconds since 1970. */
  remember(firstSeen: ReadonlyMap<string, number>): void
  /** Models that at least one connected worker holds ready or would load, by name. */
  models(): ModelEntry[]
}

/** Names remembered with the time when they first appeared; the oldest are forgotten. */
const FIRST_SEEN_MAX = 4096

export class MemoryCatalogue implements Catalogue {
  readonly #peers = new Map<string, PeerReport>() // bounded by the connections of the mesh
  readonly #firstSeen = new BoundedMap<string, number>(FIRST_SEEN_MAX)
  readonly #now: () => number

  /** `now` in milliseconds since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  setPeer(key: string, report: PeerReport): void {
    this.#peers.set(key, report)
    for (const model of servedModels(report)) this.#see(model.name)
  }

  removePeer(key: string): void {
    this.#peers.delete(key)
  }

  peer(key: string): PeerReport | undefined {
    return this.#peers.get(key)
  }

  reports(): Iterable<PeerReport> {
    return this.#peers.values()
  }

  remember(firstSeen: ReadonlyMap<string, number>): void {
    for (const [name, at] of firstSeen) {
      if (this.#firstSeen.size >= FIRST_SEEN_MAX && !this.#firstSeen.has(name)) return
      this.#firstSeen.set(name, at)
    }
  }

  models(): ModelEntry[] {
    const entries = new Map<string, ModelEntry>()
    for (const [key, report] of this.#peers) {
      for (const model of servedModels(report)) {
        const entry = entries.get(model.name) ?? this.#emptyEntry(model)
        entries.set(model.name, entry)
        // A worker that has loaded a model knows more of it than one that has not opened it yet.
        if (entry.workers.length === 0) Object.assign(entry, factsOf(model))
        if (model.state === 'ready') {
          entry.workers.push(key)
          entry.slots = (entry.slots ?? 0) + model.slots
        } else (entry.loadable ??= []).push(key)
      }
    }
    return [...entries.values()].toSorted((a, b) => a.name.localeCompare(b.name))
  }

  #emptyEntry({ name, engine }: WorkerModel): ModelEntry {
    const createdAt = Math.floor((this.#firstSeen.get(name) ?? this.#now()) / 1000)
    return { name, engine, digest: '', contextTokens: 0, workers: [], createdAt }
  }

  #see(name: string): void {
    if (!this.#firstSeen.has(name)) this.#firstSeen.set(name, this.#now())
  }
}

/** Models that a request can have: ready, or loaded when it comes. */
function servedModels({ worker }: PeerReport): WorkerModel[] {
  return (worker?.models ?? []).filter(
    ({ state, onDemand }) =>
      state === 'ready' || state === 'loadable' || (state === 'loading' && onDemand === true)
  )
}

function factsOf(model: WorkerModel): Partial<ModelEntry> {
  const { digest, contextTokens, engine, quantization, parameters, sizeBytes } = model
  const { chatTemplate, capabilities } = model
  const known = {
    digest,
    contextTokens,
    quantization,
    parameters,
    sizeBytes,
    chatTemplate,
    capabilities
  }
  const facts = Object.entries(known).filter(([, fact]) => fact !== undefined)
  return { engine, ...Object.fromEntries(facts) }
}
