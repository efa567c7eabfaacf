/** What is used and left of the limits of a token or a tenant, as people are told it. */
import type { LimitUse } from '#shared/contracts/access/limits.ts'
import type { LimitState } from '#shared/store/shared-state.ts'
import type { Budgets } from './budgets.ts'
import { termsOf, type Owned, type RateDraw } from './owned-limits.ts'

type Of = LimitUse['of']

const SECOND_MS = 1000

export function limitUse(
  of: Of,
  limit: LimitUse['limit'],
  max: number,
  used: number,
  resetsInMs?: number
): LimitUse {
  const use = { limit, of, max, used: Math.ceil(used), left: Math.max(0, Math.floor(max - used)) }
  return resetsInMs === undefined ? use : { ...use, resetsInMs }
}

export function rateUse(
  of: Of,
  { things, max, windowMs }: RateDraw,
  { used = 0, resetMs = 0 }: Partial<LimitState> = {}
): LimitUse {
  const perMinute = things === 'tokens' ? 'tokensPerMinute' : 'requestsPerMinute'
  const limit = windowMs === SECOND_MS ? 'requestsPerSecond' : perMinute
  return limitUse(of, limit, max, used, Math.ceil(resetMs))
}

export function budgetUses(of: Of, owned: Owned, budgets: Budgets): LimitUse[] {
  return termsOf([owned]).budgets.map((ask) => {
    const { left, resetsInMs } = budgets.leftOf(ask)
    const limit = ask.span === 'day' ? 'tokensPerDay' : 'tokensPerMonth'
    return limitUse(of, limit, ask.limit, ask.limit - left, resetsInMs)
  })
}
