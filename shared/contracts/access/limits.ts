/** What is left of the limits of a caller, as gateways report it and clients read it. */
import { Type, type Static } from 'typebox'

const Allowance = Type.Object({
  limit: Type.Integer({ minimum: 0 }),
  remaining: Type.Integer({ minimum: 0 }),
  /** Time until all of it is available again. */
  resetMs: Type.Integer({ minimum: 0 })
})

/** The caller's remaining limits, after the request that is answered. */
export const LimitsState = Type.Object({
  requests: Type.Optional(Allowance),
  tokens: Type.Optional(Allowance)
})
export type LimitsState = Static<typeof LimitsState>

/** One limit, of the token or of its tenant. */
export const LimitUse = Type.Object({
  limit: Type.Enum([
    'requestsPerSecond',
    'requestsPerMinute',
    'tokensPerMinute',
    'concurrent',
    'tokensPerDay',
    'tokensPerMonth'
  ]),
  of: Type.Enum(['token', 'tenant']),
  max: Type.Integer({ minimum: 0 }),
  used: Type.Integer({ minimum: 0 }),
  left: Type.Integer({ minimum: 0 }),
  /** Until all of it is available again; absent where that is not by time. */
  resetsInMs: Type.Optional(Type.Number({ minimum: 0 }))
})
export type LimitUse = Static<typeof LimitUse>
