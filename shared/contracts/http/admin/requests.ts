/** Requests that have ended, as the books keep them, and those that run. */
import { Type, type Static } from 'typebox'
import { ATTEMPTS_TOLD_MAX, AttemptTold } from '../../inference/attempt-told.ts'
import { PlainText } from '../../plain-text.ts'

const LIST_MAX = 500
const Count = Type.Integer({ minimum: 0 })
const Milliseconds = Type.Number({ minimum: 0 })
const Time = Type.Integer({ minimum: 0, description: 'Milliseconds since 1970.' })

/** `stopped`: its caller went away or pressed stop; that is no failure. */
const RequestStatus = Type.Enum(['running', 'ok', 'stopped', 'failed'])

export const RequestRow = Type.Object({
  /** One for each request that a gateway has let in; names it in `GET /v1/admin/requests/{id}`. */
  id: Type.String({ maxLength: 64 }),
  /** As the client knows it (`X-Request-ID`); clients may use one twice. */
  requestId: Type.String({ maxLength: 64 }),
  tenant: Type.String({ maxLength: 128 }),
  token: Type.Optional(Type.String({ maxLength: 64 })),
  tokenName: Type.Optional(Type.String({ maxLength: 128 })),
  kind: Type.String({ maxLength: 16 }),
  model: Type.String({ maxLength: 256 }),
  worker: Type.Optional(Type.String({ maxLength: 64 })),
  status: RequestStatus,
  /** Of the error that ended it. */
  code: Type.Optional(Type.String({ maxLength: 64 })),
  finishReason: Type.Optional(Type.String({ maxLength: 32 })),
  attempts: Count,
  promptTokens: Count,
  cachedPromptTokens: Count,
  completionTokens: Count,
  queueMs: Milliseconds,
  prefillMs: Milliseconds,
  decodeMs: Milliseconds,
  /** From its arrival at the gateway to its end, or to now. */
  durationMs: Milliseconds,
  startedAt: Time,
  /** Absent while it runs. */
  endedAt: Type.Optional(Time)
})
export type RequestRow = Static<typeof RequestRow>

export const RequestsQuery = Type.Object({
  tenant: Type.Optional(PlainText(128, 1)),
  token: Type.Optional(PlainText(64, 1)),
  model: Type.Optional(PlainText(256, 1)),
  /** The key of a worker, or the beginning of one. */
  worker: Type.Optional(Type.String({ pattern: '^[0-9a-f]{4,64}$' })),
  status: Type.Optional(RequestStatus),
  code: Type.Optional(PlainText(64, 1)),
  /** Begins with this: an id, or the request id that a client knows. */
  id: Type.Optional(PlainText(64, 1)),
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_MAX })),
  after: Type.Optional(Type.String({ maxLength: 256, description: '`next` of the page before.' }))
})
export type RequestsQuery = Static<typeof RequestsQuery>

export const RequestList = Type.Object({
  requests: Type.Array(RequestRow, { maxItems: LIST_MAX }),
  next: Type.Optional(Type.String({ maxLength: 256 }))
})
export type RequestList = Static<typeof RequestList>

export const RequestDetail = Type.Object({
  ...RequestRow.properties,
  digest: Type.Optional(Type.String({ maxLength: 64 })),
  estimated: Type.Boolean(),
  chargedTokens: Count,
  /** Why it failed, in a sentence, and what stood behind it. */
  message: Type.Optional(Type.String()),
  cause: Type.Optional(Type.String()),
  attemptsMade: Type.Array(AttemptTold, { maxItems: ATTEMPTS_TOLD_MAX }),
  /** Kept only for tenants that have it switched on (`keep_prompts`). */
  prompt: Type.Optional(Type.String()),
  answer: Type.Optional(Type.String()),
  /** When its details are forgotten; absent: they have been, or were never kept. */
  keptUntil: Type.Optional(Time)
})
export type RequestDetail = Static<typeof RequestDetail>

export const RequestCancelled = Type.Object({
  /** As it was given. */
  id: Type.String({ maxLength: 64 }),
  /** Requests that ran or waited under it; clients may use an id twice. */
  cancelled: Count
})
export type RequestCancelled = Static<typeof RequestCancelled>
