/** A worker that starts again is as operators have told it before. */
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { Logger } from '#shared/process/log.ts'
import type { KeptOrders } from './kept-orders.ts'
import type { OrderedModels } from './models/ordered-models.ts'

interface Restored {
  models: Pick<OrderedModels, 'restore'>
  pause: (isPaused: boolean) => void
  log: Pick<Logger, 'warn'>
}

/** What cannot be had any more, as a model beyond what a worker may hold, is left out. */
export function restoreOrders(kept: KeptOrders, { models, pause, log }: Restored): void {
  if (kept.paused) pause(true)
  for (const model of kept.models) {
    try {
      models.restore(model)
    } catch (error) {
      log.warn({ model: model.name, reason: reasonOf(error) }, 'a model is not brought back')
    }
  }
}

/** Those of the owner, changed as operators have said. */
export function labelsAfter(
  own: Readonly<Record<string, string>>,
  { labels }: Pick<KeptOrders, 'labels'>
): Record<string, string> {
  const all = Object.entries({ ...own, ...labels })
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== null))
}
