/** The worker's settings. */
import { readChoice, readInteger, readString, type Environment } from '#shared/process/config.ts'
import { parseGpu, type GpuSetting } from './engines/llama/parent/gpu/gpu-setting.ts'
import { parseBudget, type BudgetWish } from './memory/memory-budget.ts'
import { readLabels, readTasks, type TaskConfig } from './tasks/task-config.ts'
import { readWeights, type WeightsConfig } from './weights/weights-config.ts'
import { checkedOptions, readModelOption, type ModelOptions } from './models/model-options.ts'

export interface WorkerConfig {
  /** `MODEL_ID`: `builtin`, paths, `hf:` URIs, each also as `name=uri`; separated by commas. */
  models: string[]
  /** `MODEL_ON_DEMAND`: the same, loaded when a request comes. */
  onDemand: string[]
  /**
   * `GPU`: `auto`, `none`, or the number of a device; `HAIF_LLAMA_DRIVER`: `native`, or `library`
   * to compute through `node-llama-cpp`.
   */
  gpu: GpuSetting
  /** `CONTEXT`, `SLOTS`, …: for all models, unless the URI of one says otherwise. */
  modelOptions: ModelOptions
  /** `MEMORY_BUDGET`: the memory that all models may take together. */
  budget: BudgetWish
  /** `UPSTREAM_URL`: a server that runs the models in place of this worker. */
  upstream: UpstreamConfig | null
  /** Tasks of jobs, of which the owner allows some. */
  tasks: TaskConfig
  /** Models that come from other workers and go to them, and their room on the disk. */
  weights: WeightsConfig
  /** `LABELS`: what the owner says of the machine, `name=value` separated by commas. */
  labels: Record<string, string>
  /** `DRAIN_MS`: how long running requests may finish when the worker stops. */
  drainMs: number
}

export interface UpstreamConfig {
  url: string
  /** `UPSTREAM_KEY_FILE`: a file with the server's API key. */
  keyFile?: string
  /** `UPSTREAM_CA_FILE`: a certificate that the server may show, in a PEM file. */
  caFile?: string
  /** `UPSTREAM_SLOTS`: how many requests the server gets at once, for each model. */
  slots?: number
  /**
   * `MODEL_ID`: the names of the server's models to use; all of them unless given. With names the
   * worker starts without waiting for the server.
   */
  models?: string[]
}

export const UPSTREAM_SLOTS_MAX = 4096

/** Options of the command line, which come before the environment. */
export interface WorkerWishes {
  model?: string[]
  onDemand?: string[]
  memoryBudget?: string
  gpu?: string
  context?: string
  /** Of models that run here; those of a server have `UPSTREAM_SLOTS`. */
  slots?: string
  kv?: string
  flashAttention?: string
  chatTemplate?: string
  allowTools?: boolean
  allowDownloads?: boolean
  functions?: boolean
}

export function readWorkerConfig(env: Environment, wishes: WorkerWishes = {}): WorkerConfig {
  const upstream = readUpstream(env)
  const onDemand = wishes.onDemand ?? readModels(env, 'MODEL_ON_DEMAND', '')
  // Whoever names models on demand has not asked for the built-in one.
  const fallback = onDemand.length > 0 ? '' : 'builtin'
  return {
    models: wishes.model ?? readModels(env, 'MODEL_ID', fallback),
    onDemand,
    gpu: { ...parseGpu(wishes.gpu ?? readString(env, 'GPU', 'auto')), ...readDriver(env) },
    modelOptions: readModelOptions(env, wishes),
    budget: parseBudget(wishes.memoryBudget ?? readString(env, 'MEMORY_BUDGET', '')),
    upstream:
      upstream === null || wishes.model === undefined
        ? upstream
        : { ...upstream, models: wishes.model },
    tasks: readTasks(env, wishes),
    weights: readWeights(env),
    labels: readLabels(env),
    drainMs: readInteger(env, 'DRAIN_MS', { default: 2500, min: 0, max: 3_600_000 })
  }
}

function readDriver(env: Environment): Pick<GpuSetting, 'driver'> {
  const driver = readChoice(env, 'HAIF_LLAMA_DRIVER', ['native', 'library'], 'native')
  return driver === 'library' ? { driver } : {}
}

function readModelOptions(env: Environment, wishes: WorkerWishes): ModelOptions {
  const given = [
    ['context', wishes.context ?? readString(env, 'CONTEXT', '')],
    ['slots', wishes.slots ?? readString(env, 'SLOTS', '')],
    ['kv', wishes.kv ?? readString(env, 'KV_TYPE', '')],
    ['flash-attention', wishes.flashAttention ?? readString(env, 'FLASH_ATTENTION', 'auto')],
    ['chat-template', wishes.chatTemplate ?? readString(env, 'CHAT_TEMPLATE', '')]
  ] as const
  const options: ModelOptions = {}
  for (const [name, text] of given) {
    if (text !== '') Object.assign(options, readModelOption(name, text, `--${name} ${text}`))
  }
  return checkedOptions(options, '--flash-attention off')
}

function readUpstream(env: Environment): UpstreamConfig | null {
  const url = readString(env, 'UPSTREAM_URL', '')
  if (url === '') return null
  const upstream: UpstreamConfig = { url }
  const keyFile = readString(env, 'UPSTREAM_KEY_FILE', '')
  const caFile = readString(env, 'UPSTREAM_CA_FILE', '')
  const slots = readInteger(env, 'UPSTREAM_SLOTS', { default: 0, min: 1, max: UPSTREAM_SLOTS_MAX })
  const models = readModels(env, 'MODEL_ID', '')
  if (keyFile !== '') upstream.keyFile = keyFile
  if (caFile !== '') upstream.caFile = caFile
  if (slots > 0) upstream.slots = slots
  if (models.length > 0) upstream.models = models
  return upstream
}

const readModels = (env: Environment, name: string, fallback: string): string[] =>
  readString(env, name, fallback)
    .split(',')
    .map((model) => model.trim())
    .filter((model) => model !== '')
