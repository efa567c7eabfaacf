/**
 * A whole mesh in this process, over a real DHT and real connections; only the model is simulated.
 */
import { randomBytes } from 'node:crypto'
import type { InferenceItem } from '#shared/contracts/inference/answer.ts'
import { gatewayInfer } from '#shared/contracts/inference/methods.ts'
import { gatewayReady, type Readiness } from '#shared/contracts/peers/peers.ts'
import { silentLogger, type Logger } from '#shared/process/log.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { Mesh } from '#shared/mesh/mesh.ts'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { inferThrough } from '#shared/inference/failover/infer-through.ts'
import { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import type { MeshRoot } from '../peers/mesh-root.ts'
import type { Store } from '#shared/store/store.ts'
import { createContext, type RequestContext } from '#shared/rpc/context.ts'
import { Access, type AccessDeps } from '../../../services/gateway/access/access.ts'
import { createGateway } from '../../../services/gateway/gateway.ts'
import type { UsageRecorder } from '../../../services/gateway/usage/usage-row.ts'
import { ModelAliases } from '../../../services/orchestrator/requests/model-aliases.ts'
import { createOrchestrator } from '../../../services/orchestrator/orchestrator.ts'
import { MemoryCatalogue } from '../../../services/registry/peers/catalogue.ts'
import { createRegistry } from '../../../services/registry/registry.ts'
import { SimEngine, type SimOptions } from '../../../services/worker/engines/sim/sim-engine.ts'
import type { ModelSource } from '../../../services/worker/models/sources/model-source.ts'
import { createWorker, type WorkerDeps } from '../../../services/worker/worker.ts'
import { atEnd, startDht, startPeer, type Scope } from '../peers/peers.ts'
import { requestOf, type FlatRequest } from '../requests.ts'
import { until } from '../until.ts'
import { patience } from '../deadline.ts'
import { memberOf } from '../peers/member.ts'

interface MeshSetup {
  /** Whether peers talk over sockets of the machine, as those of one machine do. */
  localSockets?: boolean
  gateways?: number
  orchestrators?: number
  /** One simulated worker for each entry. */
  workers?: Partial<SimOptions>[]
  maxConcurrentPerCaller?: number
  /** Of the gateways. */
  access?: Partial<AccessDeps>
  aliases?: ReadonlyMap<string, readonly string[]>
  /** For requests that name no model. */
  defaultModel?: string
  log?: Logger
  /** Where gateways record what requests cost. */
  usage?: UsageRecorder
  /** Of orchestrators and registry. */
  store?: Store
  /** Whether gateways look for jobs services. */
  takesJobs?: boolean
}

const self = { host: 'test', version: '0.0.0' }

export class TestMesh {
  readonly topicKey: MeshRoot
  readonly #t: Scope
  readonly #log: Logger
  /** Made by the services, in order of their start. */
  readonly meshes: Mesh[] = []
  #pool: PeerPool | null = null
  #setup: MeshSetup = {}

  constructor(t: Scope, topicKey: MeshRoot, log: Logger, setup: MeshSetup = {}) {
    this.#setup = setup
    this.#t = t
    this.topicKey = topicKey
    this.#log = log
  }

  /** How a service of this mesh joins. */
  joiner(role: PeerRole): JoinMesh {
    return (router) => {
      const mesh = new Mesh({
        dht: createDht(this.topicKey),
        ...memberOf(this.topicKey, role),
        router,
        lookupMs: 200,
        localSockets: this.#setup.localSockets ?? false,
        log: this.#log
      })
      this.meshes.push(mesh)
      return mesh
    }
  }

  async addRegistry() {
    const registry = createRegistry({
      join: this.joiner('registry'),
      catalogue: new MemoryCatalogue(),
      self,
      store: this.#setup.store ?? null,
      log: this.#log
    })
    return this.#start(registry)
  }

  async addOrchestrator(aliases: ReadonlyMap<string, readonly string[]> = new Map()) {
    return this.#start(
      createOrchestrator({
        join: this.joiner('orchestrator'),
        aliases: new ModelAliases(aliases),
        defaultModel: () => this.#setup.defaultModel,
        self,
        store: this.#setup.store ?? null,
        log: this.#log
      })
    )
  }

  async addGateway(given: Partial<AccessDeps> = {}) {
    const join = this.joiner('gateway')
    const log = this.#log
    const pepper = randomBytes(32)
    const access = new Access({ store: null, pepper, maxConcurrentPerCaller: 256, log, ...given })
    const { usage = null, takesJobs = false } = this.#setup
    await this.#start(createGateway({ join, self, access, usage, takesJobs, log }))
    return access
  }

  async addWorker(
    models: ModelSource[],
    labels: Record<string, string> = {},
    more: Pick<
      WorkerDeps,
      'onDemand' | 'budget' | 'onModel' | 'tasks' | 'weights' | 'sourceOf'
    > = {}
  ) {
    const join = this.joiner('worker')
    const worker = createWorker({
      join,
      models,
      labels,
      ...more,
      self,
      onDrain: () => worker.stop(),
      drainMs: 1000,
      log: this.#log
    })
    await this.#start(worker)
    const mesh = this.meshes.at(-1)!
    return { worker, key: mesh.key, mesh }
  }

  addSimWorker(options: Partial<SimOptions> = {}, labels?: Record<string, string>) {
    return this.addWorker([simSource(options)], labels)
  }

  /** A client that talks to the gateways, as the bridge does. */
  async client(): Promise<PeerPool> {
    if (this.#pool !== null) return this.#pool
    const mesh = await startPeer(this.#t, this.topicKey, { role: 'bridge' })
    mesh.follow('gateway')
    this.#pool = new PeerPool(mesh, 'gateway')
    return this.#pool
  }

  /** Waits until a request would be answered. */
  async ready(): Promise<void> {
    const pool = await this.client()
    await until(async () => {
      using context = createContext({ timeoutMs: patience(5000) })
      return await pool.call(gatewayReady, {}, context).then(({ ready }) => ready, notYet)
    })
  }

  async readiness(): Promise<Readiness> {
    using context = createContext({ timeoutMs: patience(5000) })
    return await (await this.client()).call(gatewayReady, {}, context)
  }

  /** Sends a prompt and collects the answer. */
  async infer(request: FlatRequest = {}) {
    using context = createContext({ timeoutMs: patience(30_000) })
    return await this.inferIn(context, request)
  }

  async inferIn(
    context: RequestContext,
    request: FlatRequest,
    onText: (text: string) => void = () => {}
  ) {
    const pool = await this.client()
    const stream = inferThrough(pool, gatewayInfer, requestOf(request), context)
    let text = ''
    const tokenIds: number[] = []
    const queued: NonNullable<InferenceItem['queued']>[] = []
    for (;;) {
      const { done, value } = await stream.next()
      if (done === true) return { text, tokenIds, queued, end: value }
      if (value.queued !== undefined) queued.push(value.queued)
      text += value.text
      tokenIds.push(...value.tokenIds)
      onText(value.text)
    }
  }

  async #start<S extends { start(): Promise<void>; stop(): Promise<void> }>(
    service: S
  ): Promise<S> {
    atEnd(this.#t, () => service.stop())
    await service.start()
    return service
  }
}

export function simSource(options: Partial<SimOptions> = {}): ModelSource {
  return { name: options.name ?? 'sim', engine: 'sim', open: async () => new SimEngine(options) }
}

export async function startMesh(t: Scope, setup: MeshSetup = {}): Promise<TestMesh> {
  const {
    gateways = 1,
    orchestrators = 1,
    workers = [{}],
    maxConcurrentPerCaller,
    access,
    log
  } = setup
  const given = maxConcurrentPerCaller === undefined ? {} : { maxConcurrentPerCaller }
  const mesh = new TestMesh(t, await startDht(t), log ?? silentLogger(), setup)
  await mesh.addRegistry()
  for (let i = 0; i < orchestrators; i++) await mesh.addOrchestrator(setup.aliases)
  for (let i = 0; i < gateways; i++) await mesh.addGateway({ ...access, ...given })
  for (const options of workers) {
    await mesh.addSimWorker({
      decodeTokensPerSecond: Infinity,
      prefillTokensPerSecond: Infinity,
      ...options
    })
  }
  if (workers.length > 0) await mesh.ready()
  return mesh
}

/** Beside other work a gateway takes longer to appear than a caller waits, or is lost meanwhile. */
const NOT_YET = ['NO_PEER', 'PEER_LOST', 'DEADLINE_EXCEEDED']

function notYet(error: unknown): false {
  if (NOT_YET.includes((error as { code?: string }).code ?? '')) return false
  throw error
}
