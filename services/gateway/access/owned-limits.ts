/** The limits of a token and of its tenant, applied to a request; each of them must allow it. */
import type { Limits } from '#shared/contracts/access/access.ts'
import { MAX_TOKENS_MAX } from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'
import type { LimitsState } from '#shared/contracts/access/limits.ts'
import type { Draw, Grant, Refusal } from '#shared/store/shared-state.ts'
import type { BudgetAsk } from './budgets.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60_000

/** Limits, the name under which they are counted, and how their owner is told of them. */
export interface Owned {
  /** `token/<id>` or `tenant/<id>`. */
  subject: string
  owner: string
  limits: Limits
}

/** The limits of a token and a tenant together, the same for each of their requests. */
export interface Terms {
  owned: readonly Owned[]
  /** Null: all. */
  models: readonly string[] | null
  budgets: readonly BudgetAsk[]
  rates: readonly Rate[]
  /** Undefined: what the request asks for. */
  priority: 'batch' | undefined
}

export function termsOf(owned: readonly Owned[]): Terms {
  return {
    owned,
    models: allowedModels(owned.map(({ limits }) => limits)),
    budgets: owned.flatMap(budgetAsks),
    rates: owned.flatMap(ratesOf),
    priority: owned.some(({ limits }) => limits.priority === 'batch') ? 'batch' : undefined
  }
}

/** The models that all of them allow; null: all. */
export function allowedModels(limits: readonly Limits[]): string[] | null {
  const lists = limits.flatMap(({ models }) => (models === undefined ? [] : [models]))
  const [first, ...rest] = lists
  if (first === undefined) return null
  return first.filter((name) => rest.every((list) => list.includes(name)))
}

/** Whoever may use only some models and names none gets the first of them. */
export function chooseModel(
  named: string | undefined,
  allowed: Terms['models']
): string | undefined {
  if (allowed === null) return named
  if (named === undefined && allowed[0] !== undefined) return allowed[0]
  if (named !== undefined && allowed.includes(named)) return named
  throw new HaifError(
    'MODEL_NOT_FOUND',
    named === undefined
      ? 'no model may be used with this token'
      : `there is no model ${named} for this token; GET /v1/models lists those that it may use`
  )
}

export function assertSize(
  { promptTokens, maxTokens }: { promptTokens: number; maxTokens: number },
  owned: readonly Owned[]
): void {
  for (const { owner, limits } of owned) {
    const { outputTokens = Infinity, contextTokens = Infinity } = limits
    if (maxTokens > outputTokens) {
      throw new HaifError(
        'VALIDATION_FAILED',
        `max_tokens is ${maxTokens}, and ${owner} may ask for ${outputTokens}`,
        { details: { param: 'max_tokens', max: outputTokens } }
      )
    }
    if (promptTokens + maxTokens > contextTokens) {
      throw new HaifError(
        'CONTEXT_TOO_LONG',
        `prompt and answer may have about ${promptTokens + maxTokens} tokens, and ${owner} may have ${contextTokens}`,
        { details: { max: contextTokens } }
      )
    }
  }
}

/**
 * A request that names no `max_tokens` gets as many as the limits allow; in the mesh it has the
 * largest number.
 */
export const isOpen = (maxTokens: number): boolean => maxTokens >= MAX_TOKENS_MAX

export function maxTokensOf(
  { promptTokens, maxTokens }: { promptTokens: number; maxTokens: number },
  owned: readonly Owned[]
): number {
  if (!isOpen(maxTokens)) return maxTokens
  const room = owned.flatMap(({ limits }) => {
    const { outputTokens = Infinity, contextTokens = Infinity, tokensPerMinute = Infinity } = limits
    return [outputTokens, contextTokens - promptTokens, tokensPerMinute - promptTokens]
  })
  return Math.max(1, Math.min(maxTokens, ...room))
}

function budgetAsks({ subject, owner, limits }: Owned): BudgetAsk[] {
  const asks: BudgetAsk[] = []
  const { tokensPerDay: day, tokensPerMonth: month } = limits
  if (day !== undefined) asks.push({ subject, owner, span: 'day', limit: day })
  if (month !== undefined) asks.push({ subject, owner, span: 'month', limit: month })
  return asks
}

function ratesOf({ subject, limits }: Owned): Rate[] {
  const rates: Rate[] = []
  const { requestsPerSecond, requestsPerMinute, tokensPerMinute } = limits
  const add = (things: Rate['things'], max: number | undefined, windowMs: number) => {
    if (max === undefined) return
    rates.push({ key: `${subject}/${things}/${windowMs}`, things, max, windowMs, kind: 'sliding' })
  }
  add('requests', requestsPerSecond, SECOND_MS)
  add('requests', requestsPerMinute, MINUTE_MS)
  add('tokens', tokensPerMinute, MINUTE_MS)
  return rates
}

/** The rest of an answer that was let in before is not one more request. */
export function rateDraws({ rates }: Terms, tokens: number, isRest: boolean): RateDraw[] {
  const draws: RateDraw[] = []
  for (const rate of rates) {
    if (rate.things === 'tokens') draws.push({ ...rate, amount: tokens })
    else if (!isRest) draws.push({ ...rate, amount: 1 })
  }
  return draws
}

export interface RateDraw extends Draw {
  things: 'requests' | 'tokens'
}

type Rate = Omit<RateDraw, 'amount'>

export function overRate(draws: readonly RateDraw[], refusal: Refusal): HaifError {
  const { things, max, windowMs, amount } = draws[refusal.refusedBy]!
  const allowed = `${max} ${things} are allowed in a ${windowMs === SECOND_MS ? 'second' : 'minute'}`
  const message =
    refusal.retryAfterMs === null
      ? `this request may take up to ${amount} ${things}, and ${allowed}: lower max_tokens`
      : `${allowed}, and they are used up`
  return new HaifError('RATE_LIMITED', message, {
    retryAfterMs: Math.ceil(refusal.retryAfterMs ?? windowMs),
    details: { limit: max, limits: limitsState(draws, refusal) }
  })
}

/** The tightest of each kind, per minute, as OpenAI tells it. */
export function limitsState(
  draws: readonly RateDraw[],
  { states }: Grant | Refusal
): LimitsState | undefined {
  const tightest: LimitsState = {}
  for (const [i, { things, max, windowMs }] of draws.entries()) {
    if (windowMs !== MINUTE_MS) continue
    const { used, resetMs } = states[i]!
    const remaining = Math.max(0, Math.floor(max - used))
    if (remaining > (tightest[things]?.remaining ?? Infinity)) continue
    tightest[things] = { limit: max, remaining, resetMs: Math.ceil(resetMs) }
  }
  const isEmpty = tightest.requests === undefined && tightest.tokens === undefined
  return isEmpty ? undefined : tightest
}
