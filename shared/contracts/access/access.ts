/** Who may ask for how much: tokens, tenants, their limits, and what operators do with them. */
import { Type, type Static } from 'typebox'
import { defineMethod } from '#shared/rpc/contract.ts'
import { ModelName } from '../inference/model-name.ts'
import { PlainText } from '../plain-text.ts'
import { FROM_CALLERS } from '../peers/parties.ts'
import { LimitUse } from './limits.ts'

const NUMBER_MAX = 1_000_000_000_000
const MODELS_MAX = 64
const SCOPES_MAX = 16
const LIST_MAX = 1000

const TenantId = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
  description: 'Letters, digits, `.`, `_` and `-`.'
})

export const SCOPE_PATTERN =
  '^(infer|jobs|functions|worker|operator|metrics|models:write|observer|' +
  'library:[A-Za-z0-9][A-Za-z0-9._-]{0,63}/[A-Za-z0-9_-]{1,64}|machine:[A-Za-z0-9._-]{1,64}|' +
  'tenant:[A-Za-z0-9][A-Za-z0-9._-]{0,63})$'

/** What a token may do; `tenant:<id>` lets it ask in the name of that tenant. */
const Scope = Type.String({
  pattern: SCOPE_PATTERN,
  description:
    '`infer`, `jobs`, `functions`, `worker`, `operator`, `metrics`, `models:write`, `observer`, ' +
    '`tenant:<id>`, `library:<owner>/<name>` or `machine:<name>`.'
})

const Count = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: NUMBER_MAX, description }))

/** Of a token or a tenant. What is left out is not limited; both must allow a request. */
export const Limits = Type.Object({
  requestsPerSecond: Count('Requests let in within any second.'),
  requestsPerMinute: Count('Requests let in within any minute.'),
  tokensPerMinute: Count('Tokens of prompts and answers within any minute.'),
  concurrent: Count('Requests that run at the same time.'),
  tokensPerDay: Count('Tokens from midnight to midnight, UTC.'),
  tokensPerMonth: Count('Tokens of a calendar month, UTC.'),
  models: Type.Optional(
    Type.Array(ModelName, { maxItems: MODELS_MAX, description: 'The only ones that may be used.' })
  ),
  contextTokens: Count('Prompt and answer together, of one request.'),
  outputTokens: Count('The longest answer of one request.'),
  priority: Type.Optional(
    Type.Union([Type.Literal('interactive'), Type.Literal('batch')], {
      description: 'The best class of the queue that it may ask for.'
    })
  ),
  weight: Type.Optional(
    Type.Number({ minimum: 0.01, maximum: 100, description: 'Share of the queue; 1 is usual.' })
  )
})
export type Limits = Static<typeof Limits>

/** The last moment that JavaScript and Postgres both know is in the year 275760. */
const TIME_MAX = 8_640_000_000_000_000
const Time = Type.Integer({
  minimum: 0,
  maximum: TIME_MAX,
  description: 'Milliseconds since 1970.'
})
const TokenId = Type.String({ pattern: '^[a-z0-9-]{1,32}$' })

/** Of its day and its month, in lists; without budgets it is absent. */
const Use = Type.Optional(
  Type.Array(LimitUse, { maxItems: 2, description: 'What is used of its budgets.' })
)

export const TokenEntry = Type.Object({
  id: TokenId,
  kind: Type.String({ maxLength: 32 }),
  tenant: TenantId,
  scopes: Type.Array(Scope, { maxItems: SCOPES_MAX }),
  name: Type.Optional(Type.String({ maxLength: 128 })),
  /** The end of the secret, to recognise it by. */
  hint: Type.String({ maxLength: 8 }),
  limits: Limits,
  use: Use,
  createdAt: Time,
  expiresAt: Type.Optional(Time),
  revokedAt: Type.Optional(Time)
})
export type TokenEntry = Static<typeof TokenEntry>

export const CreateToken = Type.Object(
  {
    tenant: TenantId,
    scopes: Type.Optional(Type.Array(Scope, { minItems: 1, maxItems: SCOPES_MAX })),
    name: Type.Optional(PlainText(128, 1)),
    limits: Type.Optional(Limits),
    expiresInMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: NUMBER_MAX }))
  },
  { description: 'Without `scopes` it may `infer`.' }
)
export type CreateToken = Static<typeof CreateToken>

/** `secret` is told this once, and kept nowhere. */
export const TokenSecret = Type.Object({ token: TokenEntry, secret: Type.String() })
export type TokenSecret = Static<typeof TokenSecret>

const ById = Type.Object({ id: TokenId })
const Empty = Type.Object({})

export const createToken = defineMethod(
  'gateway.createToken',
  FROM_CALLERS,
  CreateToken,
  TokenSecret
)
export const TokenList = Type.Object({ tokens: Type.Array(TokenEntry) })
/** The newest first. */
export const listTokens = defineMethod('gateway.listTokens', FROM_CALLERS, Empty, TokenList)
export const revokeToken = defineMethod('gateway.revokeToken', FROM_CALLERS, ById, TokenEntry)
/** A new secret with the rights of the old one, which is good no more. */
export const rotateToken = defineMethod('gateway.rotateToken', FROM_CALLERS, ById, TokenSecret)

export const TenantEntry = Type.Object({
  id: TenantId,
  limits: Limits,
  use: Use,
  createdAt: Time,
  /** Of those that are neither revoked nor expired. */
  tokens: Type.Integer({ minimum: 0 }),
  /** For how long details of requests are kept, in days; absent: as usual. */
  keepRequestsDays: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Whether prompts and answers are kept with them; absent: no. */
  keepPrompts: Type.Optional(Type.Boolean())
})
export type TenantEntry = Static<typeof TenantEntry>

/** Makes the tenant, or replaces its limits. */
export const SetTenant = Type.Object({ id: TenantId, limits: Limits })
export type SetTenant = Static<typeof SetTenant>
export const setTenant = defineMethod('gateway.setTenant', FROM_CALLERS, SetTenant, TenantEntry)
/** A change of some limits: null lifts one, and what is left out stays as it is. */
type LimitChanges = { [Name in keyof Limits]?: Limits[Name] | null }
const LimitChanges = Type.Unsafe<LimitChanges>(
  Type.Object(
    Object.fromEntries(
      Object.entries(Limits.properties).map(([name, schema]) => [
        name,
        Type.Optional(Type.Union([schema, Type.Null()]))
      ])
    )
  )
)

const KEEP_DAYS_MAX = 3650

export const PatchTenant = Type.Object({
  id: TenantId,
  limits: Type.Optional(LimitChanges),
  /** For how long the details of its requests are kept; null: as usual. 0: not at all. */
  keepRequestsDays: Type.Optional(
    Type.Union([Type.Integer({ minimum: 0, maximum: KEEP_DAYS_MAX }), Type.Null()])
  ),
  /** Whether prompts and answers are kept with them. */
  keepPrompts: Type.Optional(Type.Boolean())
})
export type PatchTenant = Static<typeof PatchTenant>
/** Of a tenant that there is. */
export const patchTenant = defineMethod(
  'gateway.patchTenant',
  FROM_CALLERS,
  PatchTenant,
  TenantEntry
)

export const PatchToken = Type.Object({ id: TokenId, limits: LimitChanges })
export type PatchToken = Static<typeof PatchToken>
export const patchToken = defineMethod('gateway.patchToken', FROM_CALLERS, PatchToken, TokenEntry)

export const TenantList = Type.Object({ tenants: Type.Array(TenantEntry) })
export const listTenants = defineMethod('gateway.listTenants', FROM_CALLERS, Empty, TenantList)
export const deleteTenant = defineMethod(
  'gateway.deleteTenant',
  FROM_CALLERS,
  Type.Object({ id: TenantId }),
  TenantEntry
)

export const AuditEvent = Type.Object({
  /** The tenant that it concerns, or `mesh`. */
  chain: Type.String({ maxLength: 128 }),
  seq: Type.Integer({ minimum: 1 }),
  at: Time,
  /** The id of the token that it was done with, or who else. */
  actor: Type.String({ maxLength: 128 }),
  /** E.g. `token.create`. */
  action: Type.String({ maxLength: 64 }),
  target: Type.String({ maxLength: 256 }),
  result: Type.Union([Type.Literal('ok'), Type.Literal('refused')]),
  requestId: Type.String({ maxLength: 64 }),
  details: Type.Record(Type.String(), Type.Unknown()),
  /** SHA-256 of the event before it and of this one, hex. */
  hash: Type.String({ maxLength: 64 })
})
export type AuditEvent = Static<typeof AuditEvent>

export const AuditQuery = Type.Object({
  action: Type.Optional(PlainText(64)),
  actor: Type.Optional(PlainText(128)),
  result: Type.Optional(AuditEvent.properties.result),
  tenant: Type.Optional(PlainText(128)),
  /** From then on, and until before then. */
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_MAX, default: 100 })),
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000 }))
})
export type AuditQuery = Static<typeof AuditQuery>

export const AuditPage = Type.Object({
  events: Type.Array(AuditEvent, { maxItems: LIST_MAX }),
  /** Of all pages. */
  total: Type.Integer({ minimum: 0 })
})
export type AuditPage = Static<typeof AuditPage>
/** The newest first. */
export const listAudit = defineMethod('gateway.listAudit', FROM_CALLERS, AuditQuery, AuditPage)

export const AuditReport = Type.Object({
  events: Type.Integer({ minimum: 0 }),
  chains: Type.Integer({ minimum: 0 }),
  /** In order of chain and place; at most so many are told. */
  problems: Type.Array(
    Type.Object({ chain: Type.String(), seq: Type.Integer(), problem: Type.String() }),
    { maxItems: 100 }
  )
})
export type AuditReport = Static<typeof AuditReport>
export const verifyAudit = defineMethod('gateway.verifyAudit', FROM_CALLERS, Empty, AuditReport)

export const UsageGroup = Type.Union([
  Type.Literal('model'),
  Type.Literal('token'),
  Type.Literal('worker'),
  Type.Literal('day'),
  Type.Literal('tenant')
])
export type UsageGroup = Static<typeof UsageGroup>

export const UsageQuery = Type.Object({
  groupBy: Type.Optional(UsageGroup),
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  /** Operators see all tenants unless they name one; others only their own. */
  tenant: Type.Optional(TenantId)
})
export type UsageQuery = Static<typeof UsageQuery>

export const UsageRow = Type.Object({
  /** Of what it is grouped by: a model, say. */
  key: Type.String(),
  requests: Type.Integer({ minimum: 0 }),
  errors: Type.Integer({ minimum: 0 }),
  /** Its caller went away or pressed stop: no failure. Absent from gateways that did not tell. */
  stopped: Type.Optional(Type.Integer({ minimum: 0 })),
  promptTokens: Type.Integer({ minimum: 0 }),
  cachedPromptTokens: Type.Integer({ minimum: 0 }),
  completionTokens: Type.Integer({ minimum: 0 })
})
export type UsageRow = Static<typeof UsageRow>
export const UsageReply = Type.Object({ rows: Type.Array(UsageRow, { maxItems: LIST_MAX }) })
export type UsageReply = Static<typeof UsageReply>
/** The rows with the most tokens first; days in their order. */
export const readUsage = defineMethod('gateway.readUsage', FROM_CALLERS, UsageQuery, UsageReply)

export const VerifyUsage = Type.Object({ from: Type.Optional(Time), to: Type.Optional(Time) })
export type VerifyUsage = Static<typeof VerifyUsage>

const UsageProblem = Type.Object({
  usageId: Type.String(),
  requestId: Type.String(),
  /** What does not fit, in a sentence after "the row". */
  problem: Type.String()
})
export type UsageProblem = Static<typeof UsageProblem>

export const UsageReport = Type.Object({
  /** Answers in the books. */
  rows: Type.Integer({ minimum: 0 }),
  receipts: Type.Integer({ minimum: 0 }),
  /** Rows from before workers signed receipts. */
  before: Type.Integer({ minimum: 0 }),
  problemsFound: Type.Integer({ minimum: 0 }),
  /** At most so many are told. */
  problems: Type.Array(UsageProblem, { maxItems: 100 })
})
export type UsageReport = Static<typeof UsageReport>
/** Whether the books say what the workers have signed. */
export const verifyUsage = defineMethod(
  'gateway.verifyUsage',
  FROM_CALLERS,
  VerifyUsage,
  UsageReport
)

/**
 * Who the caller is, if it may do that; else UNAUTHENTICATED or FORBIDDEN. For what a bridge keeps.
 */
export const identify = defineMethod(
  'gateway.identify',
  FROM_CALLERS,
  Type.Object({
    capability: Type.Union([Type.Literal('infer'), Type.Literal('jobs'), Type.Literal('metrics')])
  }),
  Type.Object({ tenant: Type.String(), tokenId: Type.Optional(Type.String()) })
)

/** Whether callers need a token. */
const AccessState = Type.Object({ tokensNeeded: Type.Boolean() })
export const accessState = defineMethod('gateway.accessState', FROM_CALLERS, Empty, AccessState)

/** Lets a worker finish and leave. `worker`: its key in hex, or a beginning that only one has. */
export const drainWorker = defineMethod(
  'gateway.drainWorker',
  FROM_CALLERS,
  Type.Object({ worker: Type.String({ pattern: '^[0-9a-f]{4,64}$' }) }),
  Type.Object({ worker: Type.String() })
)
