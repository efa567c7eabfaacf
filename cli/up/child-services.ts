/** Services of one's own mesh in processes of their own: what these processes are told. */
import type { Home } from '#shared/main/home.ts'
import type { Environment } from '#shared/process/config.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { WorkerConfig, WorkerWishes } from '../../services/worker/config.ts'
import { stopMsMaxOf } from '../../services/worker/worker-life.ts'
import { atOnce, childService } from './child-service.ts'
import type { OwnStore } from './own-store.ts'

export interface ChildServicesDeps {
  options: WorkerWishes & { gateways?: number }
  env: Environment
  home: Home
  logFor: (name: string) => Logger
  /** Where the mesh keeps its state. */
  state: OwnStore
}

export class ChildServices {
  readonly #deps: ChildServicesDeps

  constructor(deps: ChildServicesDeps) {
    this.#deps = deps
  }

  /** Services that see the database and Redis. */
  stateful(name: string, count: number): Service {
    const { state, env, logFor } = this.#deps
    const withState = (): Environment => ({
      ...this.#environment(),
      DATABASE_URL: state.url(),
      REDIS_URL: env['REDIS_URL']
    })
    return several(count, () => childService({ name, env: withState, log: logFor(name) }))
  }

  /** Workers see neither database nor Redis: what they run is not ours. */
  workers(count: number, { drainMs }: WorkerConfig): Service {
    const log = this.#deps.logFor('worker')
    const env = () => this.#environment()
    const stopMsMax = stopMsMaxOf(drainMs)
    return several(count, () => childService({ name: 'worker', env, log, stopMsMax }))
  }

  #environment(): Environment {
    const { options, env, home } = this.#deps
    return {
      LOG_LEVEL: 'warn',
      GATEWAYS: String(options.gateways ?? 1),
      ...env,
      METRICS_PORT: '0', // that of this process is taken
      HAIF_HOME: home.folder,
      HAIF_TOPIC_KEY: undefined, // the mesh is that of HAIF_HOME
      HAIF_TOPIC_KEY_FILE: undefined,
      ...workerEnvironment(options),
      DATABASE_URL: undefined,
      REDIS_URL: undefined
    }
  }
}

const several = (count: number, make: () => Service): Service =>
  atOnce(Array.from({ length: count }, make))

/** The options of the command, which come before the environment. */
function workerEnvironment(wishes: WorkerWishes): Environment {
  const { model, onDemand, memoryBudget, gpu, ...ofModels } = wishes
  const { context, slots, kv, flashAttention, chatTemplate, allowTools, allowDownloads } = ofModels
  const { functions } = ofModels
  return {
    ...(context === undefined ? {} : { CONTEXT: context }),
    ...(slots === undefined ? {} : { SLOTS: slots }),
    ...(kv === undefined ? {} : { KV_TYPE: kv }),
    ...(flashAttention === undefined ? {} : { FLASH_ATTENTION: flashAttention }),
    ...(chatTemplate === undefined ? {} : { CHAT_TEMPLATE: chatTemplate }),
    ...(model === undefined ? {} : { MODEL_ID: model.join(',') }),
    ...(onDemand === undefined ? {} : { MODEL_ON_DEMAND: onDemand.join(',') }),
    ...(memoryBudget === undefined ? {} : { MEMORY_BUDGET: memoryBudget }),
    ...(gpu === undefined ? {} : { GPU: gpu }),
    ...(allowTools === true ? { ALLOW_TOOLS: '1' } : {}),
    ...(functions === true ? { ALLOW_FUNCTIONS: '1' } : {}),
    ...(allowDownloads === true ? { ALLOW_DOWNLOADS: '1' } : {})
  }
}
