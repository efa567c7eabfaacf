/** Settings of the worker. */
import { readInteger, readString, type Environment } from '#shared/config.ts'

export interface WorkerConfig {
  /** `MODEL_ID`: `builtin`, paths, `hf:` URIs; separated by commas. */
  models: string[]
  /** `UPSTREAM_URL`: a server that runs the models in place of this worker. */
  upstream: UpstreamConfig | null
  /** `DRAIN_MS`: how long running requests may finish when the worker stops. */
  drainMs: number
}

export interface UpstreamConfig {
  url: string
  /** `UPSTREAM_KEY_FILE`: holds its API key. */
  keyFile?: string
  /** `UPSTREAM_SLOTS`: requests that it gets at once, for each model. */
  slots?: number
  /**
   * `MODEL_ID`: the names of its models, all of them unless given. With names the worker starts
   * without waiting for the server.
   */
  models?: string[]
}

export const UPSTREAM_SLOTS_MAX = 4096

export function readWorkerConfig(env: Environment): WorkerConfig {
  return {
    models: readModels(env, 'builtin'),
    upstream: readUpstream(env),
    drainMs: readInteger(env, 'DRAIN_MS', { default: 2500, min: 0, max: 3_600_000 })
  }
}

function readUpstream(env: Environment): UpstreamConfig | null {
  const url = readString(env, 'UPSTREAM_URL', '')
  if (url === '') return null
  const upstream: UpstreamConfig = { url }
  const keyFile = readString(env, 'UPSTREAM_KEY_FILE', '')
  const slots = readInteger(env, 'UPSTREAM_SLOTS', { default: 0, min: 1, max: UPSTREAM_SLOTS_MAX })
  const models = readModels(env, '')
  if (keyFile !== '') upstream.keyFile = keyFile
  if (slots > 0) upstream.slots = slots
  if (models.length > 0) upstream.models = models
  return upstream
}

const readModels = (env: Environment, fallback: string): string[] =>
  readString(env, 'MODEL_ID', fallback)
    .split(',')
    .map((model) => model.trim())
    .filter((model) => model !== '')
