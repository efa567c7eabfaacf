/**
 * What exists in the mesh now: the peers that are connected, as they last described themselves, and
 * the models that their workers hold. In memory; what must survive comes behind the same interface.
 */
import type { ModelEntry, PeerReport, WorkerModel } from '#shared/contracts/peers.ts'

export interface Catalogue {
  /** `key` is the peer's public key in hex. */
  setPeer(key: string, report: PeerReport): void
  removePeer(key: string): void
  peer(key: string): PeerReport | undefined
  /** Models that at least one connected worker holds ready, by name. */
  models(): ModelEntry[]
}

/** Names remembered with the time when they first appeared; the oldest are forgotten. */
const FIRST_SEEN_MAX = 4096

export class MemoryCatalogue implements Catalogue {
  readonly #peers = new Map<string, PeerReport>() // bounded by the connections of the mesh
  readonly #firstSeen = new Map<string, number>() // at most FIRST_SEEN_MAX
  readonly #now: () => number

  /** `now` in milliseconds since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  setPeer(key: string, report: PeerReport): void {
    this.#peers.set(key, report)
    for (const model of readyModels(report)) this.#see(model.name)
  }

  removePeer(key: string): void {
    this.#peers.delete(key)
  }

  peer(key: string): PeerReport | undefined {
    return this.#peers.get(key)
  }

  models(): ModelEntry[] {
    const entries = new Map<string, ModelEntry>()
    for (const [key, report] of this.#peers) {
      for (const model of readyModels(report)) {
        const entry = entries.get(model.name)
        if (entry === undefined) entries.set(model.name, this.#entryOf(model, key))
        else entry.workers.push(key)
      }
    }
    return [...entries.values()].toSorted((a, b) => a.name.localeCompare(b.name))
  }

  #entryOf(model: ReadyModel, worker: string): ModelEntry {
    const { name, digest, contextTokens, engine, quantization, parameters, sizeBytes } = model
    const createdAt = Math.floor((this.#firstSeen.get(name) ?? this.#now()) / 1000)
    const entry: ModelEntry = { name, digest, contextTokens, engine, workers: [worker], createdAt }
    if (quantization !== undefined) entry.quantization = quantization
    if (parameters !== undefined) entry.parameters = parameters
    if (sizeBytes !== undefined) entry.sizeBytes = sizeBytes
    return entry
  }

  #see(name: string): void {
    if (this.#firstSeen.has(name)) return
    this.#firstSeen.set(name, this.#now())
    if (this.#firstSeen.size <= FIRST_SEEN_MAX) return
    const [oldest] = this.#firstSeen.keys()
    if (oldest !== undefined) this.#firstSeen.delete(oldest)
  }
}

type ReadyModel = WorkerModel & { digest: string; contextTokens: number }

function readyModels({ worker }: PeerReport): ReadyModel[] {
  return (worker?.models ?? []).filter(
    (model): model is ReadyModel =>
      model.state === 'ready' && model.digest !== undefined && model.contextTokens !== undefined
  )
}
