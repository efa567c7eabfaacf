/** The services of a mesh of one's own: each in this process, or several in processes of their own. */
import { readInteger, readString, type Environment } from '#shared/config.ts'
import type { Home } from '#shared/home.ts'
import type { Service } from '#shared/lifecycle.ts'
import type { Logger } from '#shared/log.ts'
import type { PeerRole } from '#shared/mesh/role.ts'
import { placeIn, type Place } from '#shared/place.ts'
import { createMetrics } from '#shared/telemetry.ts'
import { accessHere } from '../services/gateway/access-here.ts'
import { createGateway } from '../services/gateway/gateway.ts'
import { readBridgeConfig } from '../services/http-bridge/config.ts'
import { createHttpBridge } from '../services/http-bridge/http-bridge.ts'
import { readOrchestratorConfig } from '../services/orchestrator/config.ts'
import { createOrchestrator } from '../services/orchestrator/orchestrator.ts'
import { MemoryCatalogue } from '../services/registry/catalogue.ts'
import { createRegistry } from '../services/registry/registry.ts'
import { readWorkerConfig } from '../services/worker/config.ts'
import { readHub } from '../services/worker/models/hub.ts'
import { modelSource } from '../services/worker/models/model-source.ts'
import { createWorker, type Worker } from '../services/worker/worker.ts'
import { atOnce, childService } from './child-service.ts'
import { showLoading } from './loading.ts'
import type { OwnMesh } from './own-mesh.ts'
import { ownState } from './own-state.ts'
import { untilReady } from './until-ready.ts'

/** For a worker's end, after it has drained. */
const LEAVE_MS_MAX = 1000

export interface MeshServicesOptions {
  host?: string
  port?: number
  model?: string[]
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
  const { options, env, home, ownMesh, logFor } = deps
  const place = (role: PeerRole): Place =>
    placeIn({ home, topicKey: ownMesh.topicKey, role, log: logFor(role) })
  const uris = options.model ?? readWorkerConfig(env).models
  const childEnv: Environment = {
    LOG_LEVEL: 'warn',
    ...env,
    HAIF_HOME: home.folder,
    HAIF_TOPIC_KEY: ownMesh.text,
    MODEL_ID: uris.join(',')
  }
  const several = (count: number, name: string, given: { stopMsMax?: number } = {}): Service =>
    atOnce(
      Array.from({ length: count }, () =>
        childService({ name, env: childEnv, log: logFor(name), ...given })
      )
    )

  const { topicKey } = ownMesh
  const { store, shared, opensLater, isFresh, ...state } = ownState(env, {
    home,
    secret: topicKey.secret,
    log: logFor('state'),
    childEnv
  })
  const ownGateway = () => {
    const given = place('gateway')
    const { log } = given
    const access = accessHere({ env, home, topicKey, store, shared, opensLater, isFresh, log })
    return createGateway({ ...given, access })
  }
  const bridge = createHttpBridge({
    ...place('bridge'),
    metrics: createMetrics(),
    host: options.host ?? readString(env, 'HOST', '127.0.0.1'),
    port: options.port ?? readInteger(env, 'PORT', { default: 8080, min: 0, max: 65_535 }),
    allowAnonymous: options.allowAnonymous ?? readBridgeConfig(env).allowAnonymous
  })
  const services: Service[] = [
    ...state.services,
    createRegistry({ ...place('registry'), catalogue: new MemoryCatalogue() }),
    options.orchestrators === undefined
      ? createOrchestrator({ ...place('orchestrator'), ...readOrchestratorConfig(env) })
      : several(options.orchestrators, 'orchestrator'),
    options.gateways === undefined ? ownGateway() : several(options.gateways, 'gateway')
  ]
  if (options.workers !== undefined) {
    const stopMsMax = readWorkerConfig(env).drainMs + LEAVE_MS_MAX
    services.push(several(options.workers, 'worker', { stopMsMax }))
  } else if (options.worker) {
    services.push(showLoading(ownWorker(place('worker'), uris, env)))
  }
  services.push(bridge)
  if (options.worker) services.push(untilReady(() => bridge.url))
  const hasWorker = options.worker
  const hasBuiltin = hasWorker && uris.includes('builtin')
  return { services, url: () => bridge.url, hasBuiltin, hasWorker }
}

function ownWorker(place: Place, uris: string[], env: Environment): Worker {
  const models = uris.map((uri) =>
    modelSource(uri, { folder: place.home.models, hub: readHub(env) })
  )
  const { drainMs } = readWorkerConfig(env)
  const worker = createWorker({ ...place, models, drainMs, onDrain: () => worker.stop() })
  return worker
}
