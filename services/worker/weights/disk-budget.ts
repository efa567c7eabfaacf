/** Which models leave the disk so that the rest keeps to the budget of its owner. Pure. */
import type { ShelvedModel } from './shelf.ts'

interface Budget {
  /** For all models together; Infinity: none. */
  budgetBytes: number
  /** For what is about to come. */
  neededBytes: number
  /** A model that is loaded, pinned, or being fetched stays. */
  stays: (model: ShelvedModel) => boolean
}

/**
 * The least recently used first, and no more of them than are needed. The owner's own files are
 * neither counted nor removed.
 */
export function chosenToGo(
  models: readonly ShelvedModel[],
  { budgetBytes, neededBytes, stays }: Budget
): ShelvedModel[] {
  const counted = models.filter(({ usedAt }) => usedAt !== null)
  let over = counted.reduce((sum, model) => sum + bytesOf(model), neededBytes) - budgetBytes
  const free = counted
    .filter((model) => !stays(model))
    .toSorted((a, b) => (a.usedAt ?? 0) - (b.usedAt ?? 0))
  const gone: ShelvedModel[] = []
  for (const model of free) {
    if (over <= 0) break
    over -= bytesOf(model)
    gone.push(model)
  }
  return gone
}

const bytesOf = ({ files }: ShelvedModel): number =>
  files.reduce((sum, { bytes }) => sum + bytes, 0)
