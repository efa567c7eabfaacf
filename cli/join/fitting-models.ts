/** Which models of the mesh a machine that joins could hold, the one to take first. Pure. */
import { BUILTIN_NAME } from '#shared/contracts/inference/model-name.ts'
import type { SharedModel } from '#shared/contracts/peers/peers.ts'
import { KNOWN_MODELS } from '#shared/models/known-models.ts'

/** A model in memory takes its file, the context of its answers and the work on them. */
const MEMORY_OF_SIZE = 1.2

export interface HoldableModel {
  /** As `--model` takes it. */
  argument: string
  name: string
  /** The memory that it takes; null: nobody knows. */
  bytes: number | null
  fits: boolean
}

/**
 * Those that most workers hold first, and those that do not fit last. A model without a place on
 * the hub is left out: no other machine can get it.
 */
export function holdableModels(models: readonly SharedModel[], bytesFree: number): HoldableModel[] {
  return models
    .flatMap((model) => holdable(model, bytesFree))
    .toSorted((a, b) => Number(b.fits) - Number(a.fits))
}

function holdable({ name, source, sizeBytes, memory }: SharedModel, bytesFree: number) {
  if (name === BUILTIN_NAME || source === undefined || !ON_HUB.test(source)) return []
  const known = KNOWN_MODELS.find(({ uri }) => uri === source)
  const measured = memory === undefined ? undefined : memory.ramBytes + memory.vramBytes
  const guessed = sizeBytes === undefined ? undefined : sizeBytes * MEMORY_OF_SIZE
  const bytes = measured ?? guessed ?? known?.memoryBytes ?? null
  // A name that could not stand before an equals sign is left to the URI.
  const argument = NAME.test(name) ? `${name}=${source}` : source
  return [{ argument, name, bytes, fits: bytes !== null && bytes <= bytesFree }]
}

const ON_HUB = /^hf:\w[\w.-]*\/\w/
const NAME = /^[A-Za-z0-9][\w.-]*$/

/** Models with short names that fit, the most able first; those for embeddings do not chat. */
export const knownThatFit = (bytesFree: number): HoldableModel[] =>
  KNOWN_MODELS.filter(
    ({ goodAt, memoryBytes }) => goodAt !== 'embeddings' && memoryBytes <= bytesFree
  )
    .toSorted((a, b) => b.memoryBytes - a.memoryBytes)
    .map(({ name, memoryBytes: bytes }) => ({ argument: name, name, bytes, fits: true }))
