/** Which connected workers have the weights of which models for others, as they report it. */
import type { WorkerReport } from '#shared/contracts/peers/peers.ts'
import { SEEDERS_MAX } from '#shared/contracts/peers/weights.ts'

interface Held {
  digests: ReadonlySet<string>
  /** Where its models came from, as it says. */
  sources: ReadonlySet<string>
}

/** An operator's word: `haif workers label NAME seed=no`. */
const FORBIDDEN = 'no'

export class WeightHolders {
  readonly #workers = new Map<string, Held>() // bounded by the connections of the mesh
  readonly #random: () => number

  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  update(worker: string, { weights = [], models, labels = {} }: WorkerReport): void {
    this.#workers.delete(worker)
    if (weights.length === 0 || labels['seed'] === FORBIDDEN) return
    const sources = models.flatMap(({ source }) => source ?? [])
    this.#workers.set(worker, { digests: new Set(weights), sources: new Set(sources) })
  }

  remove(worker: string): void {
    this.#workers.delete(worker)
  }

  /** Some of them at random where there are many, so that no one of them serves all. */
  of({ digest, source }: { digest?: string; source?: string }, asking: string): string[] {
    const has = ({ digests, sources }: Held) =>
      (digest !== undefined && digests.has(digest)) || (source !== undefined && sources.has(source))
    const found = [...this.#workers].filter(([worker, held]) => worker !== asking && has(held))
    return found
      .map(([worker]) => ({ worker, order: this.#random() }))
      .toSorted((a, b) => a.order - b.order)
      .slice(0, SEEDERS_MAX)
      .map(({ worker }) => worker)
  }
}
