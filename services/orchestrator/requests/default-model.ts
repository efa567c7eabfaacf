/**
 * The model for a request that names none: the one that the operator wishes where some worker has
 * it; else the one that was the default before, as long as it is ready; else the one that most
 * workers have ready, then one that a worker would load.
 *
 * Whoever joins changes nothing for those who ask already, and the built-in model, which is for
 * install checks, comes after every real one.
 */
import { BUILTIN_NAME } from '#shared/contracts/inference/model-name.ts'
import { defaultModel } from '../placement/placement.ts'
import type { WorkerTable } from '../workers/worker-table.ts'

type Counts = ReadonlyMap<string, number>

export class DefaultModel {
  readonly #wished: () => string | undefined
  readonly #isSettled: () => boolean
  #before: string | null = null

  /** Until `isSettled` workers are still on their way, and the first of them decides nothing. */
  constructor(wished: () => string | undefined, isSettled: () => boolean) {
    this.#wished = wished
    this.#isSettled = isSettled
  }

  /** Null: no worker has any, nor would load one. */
  of(table: Pick<WorkerTable, 'readyModels' | 'loadableModels'>): string | null {
    const [ready, loadable] = [table.readyModels(), table.loadableModels()]
    const wished = this.#wished()
    if (wished !== undefined && (ready.has(wished) || loadable.has(wished))) return wished
    const before = this.#before
    const isKept = before !== null && before !== BUILTIN_NAME && ready.has(before)
    if (!isKept || !this.#isSettled()) {
      this.#before = chosen(ready, loadable)
    }
    return this.#before
  }
}

/** A real model that has to be loaded comes before the built-in one that is ready. */
function chosen(ready: Counts, loadable: Counts): string | null {
  return (
    defaultModel(real(ready)) ??
    defaultModel(real(loadable)) ??
    defaultModel(ready) ??
    defaultModel(loadable)
  )
}

const real = (counts: Counts): Counts =>
  counts.has(BUILTIN_NAME) ? new Map([...counts].filter(([name]) => name !== BUILTIN_NAME)) : counts
