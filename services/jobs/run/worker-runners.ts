/** The workers that are connected and have said what they take. */
import type { TaskOffer } from '#shared/contracts/jobs/task-run.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { PlaceFacts } from '../schedule/needs.ts'
import { WorkerRunner, type WorkerRunnerDeps } from './worker-runner.ts'

export class WorkerRunners {
  readonly #mesh: Mesh
  readonly #deps: WorkerRunnerDeps
  readonly #runners = new Map<string, WorkerRunner>() // as many as there are links

  constructor(mesh: Mesh, deps: WorkerRunnerDeps) {
    this.#mesh = mesh
    this.#deps = deps
    mesh.on('lost', ({ peer }) => {
      if (mesh.link(peer.key) === undefined) this.#runners.delete(peer.key)
    })
  }

  get all(): readonly WorkerRunner[] {
    return [...this.#runners.values()]
  }

  /** As a policy sees them. */
  facts(): PlaceFacts[] {
    return this.all.map((runner) => runner.facts)
  }

  /** False: its link is gone by now. */
  offered(key: string, offer: TaskOffer): boolean {
    const link = this.#mesh.link(key)
    if (link === undefined) return false
    const known = this.#runners.get(key)
    if (known?.link === link) known.offers(offer)
    else this.#runners.set(key, new WorkerRunner(link, offer, this.#deps))
    return true
  }
}
