/** Why a mesh answers nothing now: each worker's own reason. */
import { plainText } from '#shared/contracts/plain-text.ts'
import type { WorkerTable } from './worker-table.ts'

/** A reason for each model, which no worker has ready, as far as there is room. */
export function whyNoneReady(table: WorkerTable): string {
  if (table.size === 0) return 'no worker is up'
  const reasons = new Set<string>()
  for (const { model, notReadyBecause } of table.holdings()) {
    reasons.add(`${model.name}: ${notReadyBecause}`)
    if (reasons.size >= REASONS_MAX) break
  }
  if (reasons.size === 0) return 'no worker has a model'
  return plainText(`no worker has a model ready: ${[...reasons].join('; ')}`, REASON_MAX)
}

const REASONS_MAX = 8
/** As long as the contract lets a reason be. */
const REASON_MAX = 1024
