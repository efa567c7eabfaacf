/** The settings of a worker that are about weights on their way, and on its disk. */
import { readChoice, readString, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { parseAmount } from '../memory/memory-budget.ts'

export interface WeightsConfig {
  /** `WEIGHTS_SEED`: other workers of the mesh may have the models of this one. */
  seeds: boolean
  /** `WEIGHTS_FETCH`: models come from other workers where they have them. */
  fetches: boolean
  /** `WEIGHTS_RATE`: bytes a second, each way; Infinity: as fast as they go. */
  bytesPerSecond: number
  /** `MODEL_SPACE`: bytes of fetched models on the disk; Infinity: all but the reserve. */
  diskBytes: number
  /** Of the smallest manifests; for tests with small models. */
  chunkBytes?: number
}

export function readWeights(env: Environment): WeightsConfig {
  return {
    seeds: readChoice(env, 'WEIGHTS_SEED', ['0', '1'], '1') === '1',
    fetches: readChoice(env, 'WEIGHTS_FETCH', ['0', '1'], '1') === '1',
    bytesPerSecond: readBytes(env, 'WEIGHTS_RATE', '50MB'),
    diskBytes: readBytes(env, 'MODEL_SPACE', '200GB')
  }
}

function readBytes(env: Environment, name: string, example: string): number {
  const text = readString(env, name, '')
  if (text === '') return Infinity
  const amount = parseAmount(text)
  if (amount !== null && 'bytes' in amount) return amount.bytes
  throw new HaifError('CONFIG_INVALID', `${name}=${text} cannot be used: give bytes, as ${example}`)
}
