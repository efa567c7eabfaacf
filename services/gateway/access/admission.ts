/**
 * Whether a request may run now: its token and its tenant must both allow it. Everything that can be
 * answered from memory is; only rates that several gateways share are asked for.
 */
import type { Limits } from '#shared/contracts/access.ts'
import { HaifError } from '#shared/errors.ts'
import type { LimitsState } from '#shared/rpc/context.ts'
import type { BudgetAsk, Budgets } from './budgets.ts'
import type { Concurrency, ConcurrencyAsk } from './concurrency.ts'
import type { Principal } from './principal.ts'
import type { RateAsk, Rates, RateVerdict } from './rates.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60_000

/** For every tenant that has no limit of its own. */
export interface TenantDefaults {
  /** `TENANT_MAX_CONCURRENT` */
  concurrent?: number
  /** `TENANT_RATE_LIMIT_RPS` */
  requestsPerSecond?: number
}

export interface AdmissionDeps {
  rates: Rates
  budgets: Budgets
  concurrency: Concurrency
  /** Requests that one caller may have running, whatever else is allowed. */
  maxConcurrentPerCaller: number
}

export interface AdmissionRequest {
  principal: Principal
  /** Who is charged. Without tokens this may be an address. */
  tenant: string
  tenantLimits: Limits
  model: string | undefined
  /** Estimated. */
  promptTokens: number
  maxTokens: number
  /** The rest of an answer that was let in before, through another gateway. */
  isContinued: boolean
}

export interface Admitted {
  /** Undefined: the mesh chooses. */
  model: string | undefined
  priority: 'interactive' | 'batch' | undefined
  weight: number | undefined
  limits: LimitsState | undefined
  /** To be called once, with the tokens that were used in the end. */
  leave: (usedTokens: number) => void
}

/** A limit has an owner: who is told about it, and under which key it counts. */
interface Owned {
  subject: string
  owner: string
  limits: Limits
}

export class Admission {
  readonly #deps: AdmissionDeps

  constructor(deps: AdmissionDeps) {
    this.#deps = deps
  }

  async admit(request: AdmissionRequest): Promise<Admitted> {
    const owned = ownersOf(request)
    const tokens = request.promptTokens + request.maxTokens
    const model = chooseModel(request.model, owned)
    assertSize(request, owned)
    const { budgets, concurrency, rates } = this.#deps
    budgets.assertLeft(budgetAsks(owned), tokens)
    const leaveRunning = concurrency.enter(this.#running(request, owned))
    let verdict: RateVerdict | null = null
    const asks = rateAsks(owned, tokens, request.isContinued)
    try {
      // Held before it is waited for, so that two requests do not both see the last of it.
      const settleBudget = budgets.reserve(subjectsOf(request, owned), tokens)
      if (asks.length > 0) {
        const taken = rates.take(asks)
        verdict = taken instanceof Promise ? await taken.catch(releasing(settleBudget)) : taken
        if (verdict.refused !== null) {
          settleBudget(0)
          throw overRate(asks, verdict)
        }
      }
      return {
        model,
        priority: priorityOf(owned),
        weight: weightOf(owned),
        limits: verdict === null ? undefined : limitsState(asks, verdict),
        leave: (used) => {
          leaveRunning()
          settleBudget(used)
          if (verdict !== null) this.#settle(asks, verdict, used)
        }
      }
    } catch (error) {
      leaveRunning()
      throw error
    }
  }

  #settle(asks: readonly RateAsk[], { at }: RateVerdict, used: number): void {
    for (const { key, windowMs, amount } of asks) {
      if (isOfTokens(key)) this.#deps.rates.settle(key, windowMs, used - amount, at)
    }
  }

  #running({ tenant }: AdmissionRequest, owned: readonly Owned[]): ConcurrencyAsk[] {
    const asks = owned.flatMap(({ subject, limits }) =>
      limits.concurrent === undefined ? [] : [{ key: subject, max: limits.concurrent }]
    )
    return [...asks, { key: `caller/${tenant}`, max: this.#deps.maxConcurrentPerCaller }]
  }
}

const releasing =
  (settleBudget: (used: number) => void) =>
  (error: unknown): never => {
    settleBudget(0)
    throw error
  }

function ownersOf({ principal, tenant, tenantLimits }: AdmissionRequest): Owned[] {
  const ofTenant = { subject: `tenant/${tenant}`, owner: 'your tenant', limits: tenantLimits }
  const { tokenId, limits } = principal
  if (tokenId === undefined) return [ofTenant]
  return [{ subject: `token/${tokenId}`, owner: 'this token', limits }, ofTenant]
}

/** What an address uses without a token is not kept for ever: only a name that was given is. */
const subjectsOf = ({ principal }: AdmissionRequest, owned: readonly Owned[]): string[] =>
  principal.tokenId === undefined ? [] : owned.map(({ subject }) => subject)

/** The models that all of them allow; null: all. */
export function allowedModels(limits: readonly Limits[]): string[] | null {
  const lists = limits.flatMap(({ models }) => (models === undefined ? [] : [models]))
  const [first, ...rest] = lists
  if (first === undefined) return null
  return first.filter((name) => rest.every((list) => list.includes(name)))
}

/** Whoever may use only some models and names none gets the first of them. */
function chooseModel(named: string | undefined, owned: readonly Owned[]): string | undefined {
  const allowed = allowedModels(owned.map(({ limits }) => limits))
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

function assertSize({ promptTokens, maxTokens }: AdmissionRequest, owned: readonly Owned[]): void {
  for (const { owner, limits } of owned) {
    const { outputTokens = Infinity, contextTokens = Infinity } = limits
    if (maxTokens > outputTokens) {
      throw new HaifError(
        'VALIDATION_FAILED',
        `max_tokens is ${maxTokens}, and ${owner} allows ${outputTokens}`,
        { details: { field: 'max_tokens', max: outputTokens } }
      )
    }
    if (promptTokens + maxTokens > contextTokens) {
      throw new HaifError(
        'CONTEXT_TOO_LONG',
        `prompt and answer have up to about ${promptTokens + maxTokens} tokens, and ${owner} allows ${contextTokens}`,
        { details: { max: contextTokens } }
      )
    }
  }
}

function budgetAsks(owned: readonly Owned[]): BudgetAsk[] {
  return owned.flatMap(({ subject, owner, limits: { tokensPerDay, tokensPerMonth } }) => {
    const asks: BudgetAsk[] = []
    if (tokensPerDay !== undefined) asks.push({ subject, owner, span: 'day', limit: tokensPerDay })
    if (tokensPerMonth !== undefined) {
      asks.push({ subject, owner, span: 'month', limit: tokensPerMonth })
    }
    return asks
  })
}

const TOKENS = '/tokens'
const isOfTokens = (key: string): boolean => key.endsWith(TOKENS)

function rateAsks(owned: readonly Owned[], tokens: number, isContinued: boolean): RateAsk[] {
  const asks: RateAsk[] = []
  for (const { subject, limits } of owned) {
    const { requestsPerSecond, requestsPerMinute, tokensPerMinute } = limits
    const key = `${subject}/requests`
    if (requestsPerSecond !== undefined && !isContinued) {
      asks.push({ key, amount: 1, limit: requestsPerSecond, windowMs: SECOND_MS })
    }
    if (requestsPerMinute !== undefined && !isContinued) {
      asks.push({ key, amount: 1, limit: requestsPerMinute, windowMs: MINUTE_MS })
    }
    if (tokensPerMinute !== undefined) {
      const limit = tokensPerMinute
      asks.push({ key: subject + TOKENS, amount: tokens, limit, windowMs: MINUTE_MS })
    }
  }
  return asks
}

function overRate(asks: readonly RateAsk[], verdict: RateVerdict): HaifError {
  const { index, waitMs } = verdict.refused!
  const { key, limit, windowMs, amount } = asks[index]!
  const things = isOfTokens(key) ? 'tokens' : 'requests'
  const span = windowMs === SECOND_MS ? 'second' : 'minute'
  const allowed = `${limit} ${things} are allowed in a ${span}`
  const message =
    waitMs === Infinity
      ? `this request may take up to ${amount} ${things}, and ${allowed}: lower max_tokens`
      : `${allowed}, and they are used up`
  return new HaifError('RATE_LIMITED', message, {
    retryAfterMs: Number.isFinite(waitMs) ? Math.ceil(waitMs) : windowMs,
    details: { limit, limits: limitsState(asks, verdict) }
  })
}

/** The tightest of each kind, per minute, as OpenAI tells it. */
function limitsState(asks: readonly RateAsk[], { states }: RateVerdict): LimitsState | undefined {
  const state: LimitsState = {}
  for (const [i, { key, limit, windowMs }] of asks.entries()) {
    if (windowMs !== MINUTE_MS) continue
    const { used, resetMs } = states[i]!
    const remaining = Math.max(0, Math.floor(limit - used))
    const kind = isOfTokens(key) ? 'tokens' : 'requests'
    if (remaining > (state[kind]?.remaining ?? Infinity)) continue
    state[kind] = { limit, remaining, resetMs: Math.max(0, Math.ceil(resetMs)) }
  }
  return state.requests === undefined && state.tokens === undefined ? undefined : state
}

const priorityOf = (owned: readonly Owned[]): 'batch' | undefined =>
  owned.some(({ limits }) => limits.priority === 'batch') ? 'batch' : undefined

/** Tenants share the queue, so a token's weight would only compete with its own tenant. */
const weightOf = (owned: readonly Owned[]): number | undefined => owned.at(-1)?.limits.weight
