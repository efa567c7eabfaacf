/** Jobs services over a store, with workers that run what a test gives them, in this process. */
import type { Mesh } from '#shared/mesh/mesh.ts'
import { silentLogger } from '#shared/process/log.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { Store } from '#shared/store/store.ts'
import { createJobs, type JobsDeps } from '../../../services/jobs/jobs.ts'
import type { TaskDeskOptions } from '../../../services/worker/tasks/task-desk.ts'
import type { TaskKind } from '../../../services/worker/tasks/task-kind.ts'
import { createWorker, type WorkerDeps } from '../../../services/worker/worker.ts'
import { atEnd, linkBetween, startDht, startPeer, type Scope } from '../peers/peers.ts'
import { TestMesh } from '../mesh/mesh.ts'

interface JobsMeshSetup extends Partial<Omit<JobsDeps, 'store' | 'join' | 'self'>> {
  /** See `startMesh`. */
  localSockets?: boolean
  /** One jobs service over each. */
  stores: readonly Store[]
}

const self = { host: 'test', version: '0' }

class JobsMesh {
  readonly mesh: TestMesh
  readonly services: Mesh[] = []
  readonly #t: Scope
  #gateway: Mesh | null = null

  constructor(t: Scope, mesh: TestMesh) {
    this.#t = t
    this.mesh = mesh
  }

  async addJobs(deps: Omit<JobsDeps, 'join' | 'self'>) {
    const service = createJobs({ ...deps, self, join: this.mesh.joiner('jobs') })
    atEnd(this.#t, () => service.stop())
    await service.start()
    this.services.push(this.mesh.meshes.at(-1)!)
    return service
  }

  async addWorker(
    kinds: readonly TaskKind[],
    more: Partial<TaskDeskOptions> &
      Pick<WorkerDeps, 'artifacts'> & { labels?: Record<string, string> } = {}
  ) {
    const { labels = {}, artifacts, ...tasks } = more
    const worker = createWorker({
      join: this.mesh.joiner('worker'),
      models: [],
      tasks: { kinds, places: 4, ...tasks },
      ...(artifacts === undefined ? {} : { artifacts }),
      labels,
      self,
      onDrain: () => worker.stop(),
      drainMs: 1000,
      log: silentLogger()
    })
    atEnd(this.#t, () => worker.stop())
    await worker.start()
    const mesh = this.mesh.meshes.at(-1)!
    for (const service of this.services) await linkBetween(service, mesh)
    return { worker, mesh }
  }

  /** A gateway's link to a jobs service. */
  async link(nth = 0): Promise<PeerLink> {
    this.#gateway ??= await startPeer(this.#t, this.mesh.topicKey, { role: 'gateway' })
    this.#gateway.follow('jobs')
    return linkBetween(this.#gateway, this.services[nth]!)
  }
}

export async function startJobsMesh(t: Scope, setup: JobsMeshSetup): Promise<JobsMesh> {
  const { stores, log = silentLogger(), localSockets = false, ...deps } = setup
  const mesh = new TestMesh(t, await startDht(t), log, { localSockets })
  const jobs = new JobsMesh(t, mesh)
  for (const store of stores) await jobs.addJobs({ ...deps, store, log })
  return jobs
}
