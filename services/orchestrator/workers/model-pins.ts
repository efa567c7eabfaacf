/**
 * A name is one file, where the operator says which: `MODEL_DIGESTS`. A worker that holds another
 * file under the name does not hold the model. Where nothing is said, every file under the name
 * serves, and those that differ are told (`unlike-holders.ts`): to take the first that comes would
 * leave the choice to whoever is quickest after a restart.
 */
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'

/** By the model's name, the beginning of the SHA-256 of its file. */
export type ModelPins = ReadonlyMap<string, string>

/** A file that nobody has opened yet may be the right one; its first answer will say. */
export function isRightFile(pins: ModelPins, { name, state, digest }: WorkerModel): boolean {
  const pin = pins.get(name)
  if (pin === undefined) return true
  return digest === undefined ? state !== 'ready' : digest.startsWith(pin)
}
