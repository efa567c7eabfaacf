/** The services of one's own mesh: each in this process, or several in processes of their own. */
import process from 'node:process'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { placeIn, type Place } from '#shared/main/place.ts'
import { openNode } from '#shared/mesh/open-mesh.ts'
import { seatHere } from '#shared/main/seat.ts'
import type { Environment } from '#shared/process/config.ts'
import { together, type Service } from '#shared/process/lifecycle.ts'
import type { Metrics } from '#shared/telemetry/metrics.ts'
import { openGateway } from '../../services/gateway/gateway-here.ts'
import type { BridgeWishes } from '../../services/http-bridge/config.ts'
import { openJobs } from '../../services/jobs/jobs-here.ts'
import { freePort, openHttpBridge } from '../../services/http-bridge/http-bridge-here.ts'
import { openOrchestrator } from '../../services/orchestrator/orchestrator-here.ts'
import { openRegistry } from '../../services/registry/registry-here.ts'
import {
  readWorkerConfig,
  type WorkerConfig,
  type WorkerWishes
} from '../../services/worker/config.ts'
import { openWorker } from '../../services/worker/worker-here.ts'
import { ModelLines } from '../screen/model-lines.ts'
import { ChildServices, type ChildServicesDeps } from './child-services.ts'
import { showLoading } from './loading.ts'
import { firstInvite } from './first-invite.ts'
import { outside } from './outside.ts'
import type { OwnMesh } from './own-mesh.ts'
import { untilReady } from './until-ready.ts'

export interface MeshServicesOptions extends WorkerWishes, BridgeWishes {
  /** False: no worker here. */
  worker: boolean
  /** How many, in processes of their own. Absent: one, in this process. */
  workers?: number
  orchestrators?: number
  gateways?: number
}

export interface MeshServicesDeps extends ChildServicesDeps {
  ownMesh: OwnMesh
  options: MeshServicesOptions
  metrics: Metrics
}

export interface MeshServices {
  /** All of them, with the nodes of the mesh below and the state of the mesh. */
  service: Service
  /** Where the bridge listens; valid when all have started. */
  url: () => string
  /** True when the model that comes with HAIF is among the models here. */
  hasBuiltin: boolean
  /** True when a worker runs here; else the mesh waits for one to join. */
  hasWorker: boolean
  /** Makes a topic key for the next machine, once all have started. */
  topicKey: () => string | null
}

export function meshServices(deps: MeshServicesDeps): MeshServices {
  const { options, env, home, ownMesh, logFor, state, metrics } = deps
  const { store } = state
  const { worker: hasWorker, orchestrators, gateways, workers } = options
  const { address } = ownMesh
  const node = openNode(address, home.tlsRelays)
  const place = (role: PeerRole): Place => {
    const log = logFor(role)
    return placeIn({ home, role, log, env, node }, seatHere({ home, address, role, log })!)
  }
  const children = new ChildServices(deps)
  const config = readWorkerConfig(env, options)
  const bridge = openHttpBridge({ ...place('bridge'), env, wishes: options, metrics })
  const registry = openRegistry({ ...place('registry'), store })
  const services = [
    freePort(env, options),
    store,
    outside(address, (line) => process.stdout.write(`${line}\n`)),
    registry,
    orchestrators === undefined
      ? openOrchestrator({ ...place('orchestrator'), store, env })
      : children.stateful('orchestrator', orchestrators),
    gateways === undefined
      ? openGateway({ ...place('gateway'), ...state, env })
      : children.stateful('gateway', gateways),
    openJobs({ ...place('jobs'), ...state, env }),
    bridge,
    !hasWorker
      ? null
      : workers === undefined
        ? ownWorker(place('worker'), config, env)
        : children.workers(workers, config),
    hasWorker ? untilReady(() => bridge.url) : null
  ]
  return {
    // The bridge stops before the workers, so that it tells its clients why their answers end.
    service: together(services, { first: [bridge], last: ownMesh.nodes }),
    url: () => bridge.url,
    hasBuiltin: hasWorker && config.upstream === null && config.models.includes('builtin'),
    hasWorker,
    topicKey: () => firstInvite(registry)
  }
}

function ownWorker(place: Place, config: WorkerConfig, env: Environment): Service {
  const lines = new ModelLines()
  const worker = openWorker({
    ...place,
    env,
    config,
    onDrain: () => shown.stop(),
    onTold: (sentence) => lines.note(sentence),
    onNote: (note) => lines.note(note),
    onModel: (model) => lines.changed(model)
  })
  const shown = showLoading(worker, lines)
  return shown
}
