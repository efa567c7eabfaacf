/** What runs and what waits at this orchestrator, for operators. */
import {
  QUEUE_LISTED_MAX,
  type QueuedView,
  type QueueView
} from '#shared/contracts/http/admin/queue.ts'
import { plainText } from '#shared/contracts/plain-text.ts'

interface ModelSlots {
  slots(model: string): number
}

/** Those that wait come first, each kind with the oldest first. */
export function queueView(
  requests: readonly QueuedView[],
  table: ModelSlots,
  defaultModel: string | null
): QueueView {
  const models = new Map<string, QueueView['models'][number]>()
  for (const { model, worker } of requests) {
    const counts = models.get(model) ?? { model, running: 0, waiting: 0, slots: table.slots(model) }
    counts[worker === undefined ? 'waiting' : 'running']++
    models.set(model, counts)
  }
  const waiting = requests.filter(({ worker }) => worker === undefined)
  const listed = requests
    .toSorted(
      (a, b) => Number(a.worker !== undefined) - Number(b.worker !== undefined) || b.ageMs - a.ageMs
    )
    .slice(0, QUEUE_LISTED_MAX)
    .map((each) => ({ ...each, tenant: plainText(each.tenant, 128) }))
  const busiest = [...models.values()].toSorted(
    (a, b) => b.waiting + b.running - a.waiting - a.running
  )
  const view: QueueView = {
    running: requests.length - waiting.length,
    waiting: waiting.length,
    models: busiest.slice(0, MODELS_TOLD_MAX),
    requests: listed
  }
  return defaultModel === null ? view : { ...view, defaultModel }
}

const MODELS_TOLD_MAX = 1024
