/** What runs and what waits, at all orchestrators. */
import { Type, type Static } from 'typebox'
import { PlainText } from '../../plain-text.ts'

/** Requests that are listed, of each orchestrator and of all together. */
export const QUEUE_LISTED_MAX = 500
const MODELS_MAX = 1024
const Count = Type.Integer({ minimum: 0 })

export const QueuedView = Type.Object({
  requestId: PlainText(64),
  tenant: PlainText(128),
  model: PlainText(256),
  priority: Type.Enum(['interactive', 'batch']),
  /** The tenant's share of the queue. */
  weight: Type.Number({ minimum: 0 }),
  ageMs: Type.Number({ minimum: 0 }),
  /** Where it runs; absent: it waits. */
  worker: Type.Optional(PlainText(64)),
  /** Requests that are served before it, and the expected wait. */
  ahead: Type.Optional(Count),
  waitMs: Type.Optional(Type.Number({ minimum: 0 })),
  attempts: Count
})
export type QueuedView = Static<typeof QueuedView>

export const QueueView = Type.Object({
  running: Count,
  waiting: Count,
  models: Type.Array(
    Type.Object({ model: PlainText(256), running: Count, waiting: Count, slots: Count }),
    { maxItems: MODELS_MAX }
  ),
  /** Chosen for requests that name no model; absent while none is ready. */
  defaultModel: Type.Optional(PlainText(256)),
  /** Those that wait first, each kind with the oldest first. */
  requests: Type.Array(QueuedView, { maxItems: QUEUE_LISTED_MAX })
})
export type QueueView = Static<typeof QueueView>
