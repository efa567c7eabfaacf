/** Settings of the worker. */
import { readInteger, readString, type Environment } from '#shared/config.ts'

export interface WorkerConfig {
  /** `MODEL_ID`: `builtin`, paths, `hf:` URIs; separated by commas. */
  models: string[]
  /** `DRAIN_MS`: how long running requests may finish when the worker stops. */
  drainMs: number
}

export function readWorkerConfig(env: Environment): WorkerConfig {
  const models = readString(env, 'MODEL_ID', 'builtin')
    .split(',')
    .map((uri) => uri.trim())
    .filter((uri) => uri !== '')
  return {
    models,
    drainMs: readInteger(env, 'DRAIN_MS', { default: 2500, min: 0, max: 3_600_000 })
  }
}
