/** The services of a mesh of one's own: each in this process, or several in processes of their own. */
import { readInteger, readString, type Environment } from '#shared/process/config.ts'
import type { Home } from '#shared/main/home.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { placeIn, type Place } from '#shared/main/place.ts'
import type { Metrics } from '#shared/telemetry/metrics.ts'
import { openGateway } from '../../services/gateway/gateway-here.ts'
import { readBridgeConfig } from '../../services/http-bridge/config.ts'
import { createHttpBridge } from '../../services/http-bridge/http-bridge.ts'
import { openOrchestrator } from '../../services/orchestrator/orchestrator-here.ts'
import { MemoryCatalogue } from '../../services/registry/peers/catalogue.ts'
import { createRegistry } from '../../services/registry/registry.ts'
import {
  readWorkerConfig,
  type WorkerConfig,
  type WorkerWishes
} from '../../services/worker/config.ts'
import { readHub } from '../../services/worker/models/sources/hub.ts'
import { workerService } from '../../services/worker/worker-here.ts'
import { stopMsMaxOf } from '../../services/worker/worker-life.ts'
import type { Worker } from '../../services/worker/worker.ts'
import { atOnce, childService } from './child-service.ts'
import { showLoading } from '../screen/loading.ts'
import { ModelLines } from '../screen/model-lines.ts'
import type { OwnMesh } from './own-mesh.ts'
import type { OwnStore } from './own-store.ts'
import { untilReady } from './until-ready.ts'

export interface MeshServicesOptions extends WorkerWishes {
  host?: string
  port?: number
  /** Everybody who reaches this machine may ask. */
  allowAnonymous?: boolean
  /** False: no worker here. */
  worker: boolean
  /** How many, in processes of their own. Absent: one, in this process. */
  workers?: number
  orchestrators?: number
  gateways?: number
}

export interface MeshServicesDeps {
  options: MeshServicesOptions
  env: Environment
  home: Home
  ownMesh: OwnMesh
  logFor: (name: string) => Logger
  /** Where the mesh keeps its state; started before the services. */
  state: OwnStore
  metrics: Metrics
}

export interface MeshServices {
  /** In the order of their start. */
  services: Service[]
  /** Where the bridge listens; valid when all have started. */
  url: () => string
  /** Whether the model that comes with HAIF is among the models here. */
  hasBuiltin: boolean
  /** Whether a worker runs here; else the mesh waits for one to join. */
  hasWorker: boolean
}

export function meshServices(deps: MeshServicesDeps): MeshServices {
  const { options, env, home, ownMesh, logFor, state, metrics } = deps
  const { store } = state
  const place = (role: PeerRole): Place =>
    placeIn({ home, topicKey: ownMesh.topicKey, role, log: logFor(role), env })
  const config = readWorkerConfig(env, options)
  const childEnv = (): Environment => ({
    LOG_LEVEL: 'warn',
    GATEWAYS: String(options.gateways ?? 1),
    ...env,
    METRICS_PORT: '0', // ours is taken
    HAIF_HOME: home.folder,
    HAIF_TOPIC_KEY: ownMesh.text,
    ...workerEnv(options),
    DATABASE_URL: undefined,
    REDIS_URL: undefined
  })
  const stateEnv = (): Environment => ({
    DATABASE_URL: state.url(),
    REDIS_URL: env['REDIS_URL']
  })
  const several = (count: number, name: string, given: { stopMsMax?: number } = {}): Service =>
    atOnce(
      Array.from({ length: count }, () =>
        childService({
          name,
          // Workers see neither database nor Redis: what they run is not ours.
          env: () => (name === 'worker' ? childEnv() : { ...childEnv(), ...stateEnv() }),
          log: logFor(name),
          ...given
        })
      )
    )

  const bridge = createHttpBridge({
    ...place('bridge'),
    metrics,
    host: options.host ?? readString(env, 'HOST', '127.0.0.1'),
    port: options.port ?? readInteger(env, 'PORT', { default: 8080, min: 0, max: 65_535 }),
    allowAnonymous: options.allowAnonymous ?? readBridgeConfig(env).allowAnonymous
  })
  const services: Service[] = [
    store,
    createRegistry({ ...place('registry'), catalogue: new MemoryCatalogue(), store }),
    options.orchestrators === undefined
      ? openOrchestrator({ ...place('orchestrator'), store, env })
      : several(options.orchestrators, 'orchestrator'),
    options.gateways === undefined
      ? openGateway({ ...place('gateway'), ...state, env })
      : several(options.gateways, 'gateway')
  ]
  const stopBridge = onlyOnce(() => bridge.stop())
  // Before models are loaded, because a taken port is the likeliest failure.
  services.push({
    start: () => bridge.start(),
    stop: stopBridge,
    health: () => bridge.health?.() ?? { ready: true }
  })
  if (options.workers !== undefined) {
    const stopMsMax = stopMsMaxOf(config.drainMs)
    services.push(several(options.workers, 'worker', { stopMsMax }))
  } else if (options.worker) {
    services.push(ownWorker(place('worker'), config, env))
  }
  if (options.worker) services.push(untilReady(() => bridge.url))
  // And stopped before the workers, so that it tells its clients why their answers end.
  services.push({ start: async () => {}, stop: stopBridge })
  const hasWorker = options.worker
  const hasBuiltin = hasWorker && config.upstream === null && config.models.includes('builtin')
  return { services, url: () => bridge.url, hasBuiltin, hasWorker }
}

function onlyOnce(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null
  return () => (done ??= work())
}

function ownWorker(place: Place, config: WorkerConfig, env: Environment): Service {
  const lines = new ModelLines()
  let shown: Service | null = null
  const service = workerService(
    {
      place,
      config,
      hub: readHub(env),
      onDrain: () => shown?.stop(),
      onModel: (model) => lines.changed(model)
    },
    async (worker: Worker) => {
      shown = showLoading(worker, lines)
      await shown.start()
    }
  )
  return { ...service, stop: async () => (shown ?? service).stop() }
}

/** For workers in processes of their own: the options, which come before the environment. */
function workerEnv({ model, onDemand, memoryBudget, gpu }: WorkerWishes): Environment {
  return {
    ...(model === undefined ? {} : { MODEL_ID: model.join(',') }),
    ...(onDemand === undefined ? {} : { MODEL_ON_DEMAND: onDemand.join(',') }),
    ...(memoryBudget === undefined ? {} : { MEMORY_BUDGET: memoryBudget }),
    ...(gpu === undefined ? {} : { GPU: gpu })
  }
}
