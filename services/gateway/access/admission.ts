/**
 * Decides whether a request may run now: its token and its tenant must both allow it. Everything
 * that can be answered from memory is; only rates and places that several gateways share are waited
 * for, and only where there is such a limit.
 */
import type { Limits } from '#shared/contracts/access/access.ts'
import type { LimitsState, LimitUse } from '#shared/contracts/access/limits.ts'
import { Tally } from '#shared/kit/tally.ts'
import type { Grant, SharedState } from '#shared/store/shared-state.ts'
import type { Budgets } from './budgets.ts'
import { tooManyRunning, type Concurrency } from './concurrency.ts'
import { budgetUses, limitUse, rateUse } from './limit-use.ts'
import {
  assertSize,
  chooseModel,
  isOpen,
  limitsState,
  maxTokensOf,
  overRate,
  rateDraws,
  termsOf,
  type Owned,
  type RateDraw,
  type Terms
} from './owned-limits.ts'
import type { Principal } from './principal.ts'

/** Held of limits and budgets for an answer of any length, until its end tells what it was. */
const OPEN_ANSWER_TOKENS = 1024

/** The limits of every tenant that has no limit of its own. */
export interface TenantDefaults {
  /** `TENANT_MAX_CONCURRENT` */
  concurrent?: number
  /** `TENANT_RATE_LIMIT_RPS` */
  requestsPerSecond?: number
}

interface AdmissionDeps {
  shared: SharedState
  budgets: Budgets
  concurrency: Concurrency
  /** The limits of an address whose callers name tenants without a token. */
  addressLimits?: Limits
}

interface AdmissionRequest {
  principal: Principal
  /** The tenant that is charged. Without tokens this may be an address. */
  tenant: string
  tenantLimits: Limits
  /** Of a caller that names a tenant without a token: a name is no reason to believe in it. */
  address: string | undefined
  model: string | undefined
  /** Estimated. */
  promptTokens: number
  maxTokens: number
  /** The rest of an answer that was let in before, through another gateway. */
  isRest: boolean
}

export interface Admitted {
  /** Undefined: the mesh chooses. */
  model: string | undefined
  /** What was asked for, or what the limits leave to an answer of any length. */
  maxTokens: number
  /** Undefined: what the request asks for. */
  priority: 'batch' | undefined
  /** Undefined: as every tenant. */
  weight: number | undefined
  limits: LimitsState | undefined
  /** To be called once, with the tokens that were used in the end. */
  leave: (usedTokens: number) => void
}

export class Admission {
  readonly #deps: AdmissionDeps
  /** Requests that run through this gateway, by the owner of a limit on them. */
  readonly #running = new Tally<string>()
  /** The terms of the tenant that each principal asked for last: mostly it is always the same. */
  readonly #terms = new WeakMap<Principal, KnownTerms>()

  constructor(deps: AdmissionDeps) {
    this.#deps = deps
  }

  /**
   * Throws MODEL_NOT_FOUND, VALIDATION_FAILED, CONTEXT_TOO_LONG, RATE_LIMITED or BUDGET_EXHAUSTED.
   */
  async admit(request: AdmissionRequest): Promise<Admitted> {
    const { tenant, tenantLimits, promptTokens, isRest } = request
    const terms = this.#termsOf(request)
    const { owned, priority } = terms
    const maxTokens = maxTokensOf(request, owned)
    const model = chooseModel(request.model, terms.models)
    assertSize({ promptTokens, maxTokens }, owned)
    const tokens = promptTokens + this.#heldOf(request, maxTokens, terms)
    // Held before anything is waited for, so that two requests do not both see the last of it.
    const leaveBudget = this.#reserve(request, terms, tokens)
    const leaving: (() => void)[] = []
    try {
      leaving.push(this.#deps.concurrency.enter(tenant))
      await this.#enter(owned, leaving)
      const draws = rateDraws(terms, tokens, isRest)
      const grant = draws.length === 0 ? null : await this.#draw(draws)
      return {
        model,
        maxTokens,
        priority,
        // Tenants share the queue; a weight of a token would compete with its own tenant.
        weight: tenantLimits.weight,
        limits: grant === null ? undefined : limitsState(draws, grant),
        leave: (used) => {
          for (const leave of leaving) leave()
          leaveBudget(used)
          if (grant !== null) this.#settle(draws, grant, used)
        }
      }
    } catch (error) {
      for (const leave of leaving) leave()
      leaveBudget(0)
      throw error
    }
  }

  /** What is used of each limit of a caller now; nothing is taken. */
  async use(request: Pick<AdmissionRequest, 'principal' | 'tenant' | 'tenantLimits'>) {
    const owners = ownersOf({ ...request, address: undefined }, undefined)
    const { shared, budgets } = this.#deps
    const uses = await Promise.all(
      owners.map(async (owned): Promise<LimitUse[]> => {
        const { rates } = termsOf([owned])
        const of = owned.subject.startsWith('token/') ? 'token' : 'tenant'
        const draws = rates.map((rate) => ({ ...rate, amount: 0 }))
        const { states } = draws.length === 0 ? { states: [] } : await shared.draw(draws)
        const { concurrent } = owned.limits
        const running = this.#running.of(owned.subject)
        return [
          ...draws.map((draw, i) => rateUse(of, draw, states[i])),
          ...(concurrent === undefined ? [] : [limitUse(of, 'concurrent', concurrent, running)]),
          ...budgetUses(of, owned, budgets)
        ]
      })
    )
    return uses.flat()
  }

  /** A token or a tenant with what it has used of its budgets, where it has any. */
  withUse<Entry extends { id: string; limits: Limits }>(of: LimitUse['of'], entry: Entry): Entry {
    const owned = { subject: `${of}/${entry.id}`, owner: of, limits: entry.limits }
    const use = budgetUses(of, owned, this.#deps.budgets)
    return use.length === 0 ? entry : { ...entry, use }
  }

  #termsOf(request: AdmissionRequest): Terms {
    const { principal, tenant, tenantLimits, address } = request
    const known = this.#terms.get(principal)
    const isSame = known?.tenant === tenant && known.address === address
    if (isSame && known.tenantLimits === tenantLimits) return known
    const owners = ownersOf(request, this.#deps.addressLimits)
    const terms = { ...termsOf(owners), tenant, tenantLimits, address }
    this.#terms.set(principal, terms)
    return terms
  }

  /**
   * Tokens that are held for the answer. To hold all that an answer of any length may have would
   * let nobody else in.
   */
  #heldOf(request: AdmissionRequest, maxTokens: number, { budgets }: Terms): number {
    if (!isOpen(request.maxTokens)) return maxTokens
    const left = this.#deps.budgets.left(budgets) - request.promptTokens
    return Math.max(1, Math.min(maxTokens, OPEN_ANSWER_TOKENS, left))
  }

  #reserve({ principal }: AdmissionRequest, terms: Terms, tokens: number) {
    const { budgets } = this.#deps
    budgets.assertLeft(terms.budgets, tokens)
    // What an address uses without a token is not kept.
    if (principal.tokenId === undefined) return () => {}
    return budgets.reserve(
      terms.owned.map(({ subject }) => subject),
      tokens
    )
  }

  /** Each place is in `leaving` as soon as it is taken, because the next one may be refused. */
  async #enter(owned: readonly Owned[], leaving: (() => void)[]): Promise<void> {
    for (const { subject, limits } of owned) {
      if (limits.concurrent === undefined) continue
      const place = await this.#deps.shared.enter(subject, limits.concurrent)
      if (place === null) throw tooManyRunning(limits.concurrent)
      leaving.push(() => place.leave(), this.#running.enter(subject))
    }
  }

  async #draw(draws: readonly RateDraw[]): Promise<Grant> {
    const answer = await this.#deps.shared.draw(draws)
    if (answer.granted) return answer
    throw overRate(draws, answer)
  }

  #settle(draws: readonly RateDraw[], { at }: Grant, used: number): void {
    for (const draw of draws) {
      if (draw.things === 'tokens') this.#deps.shared.settle(draw, used - draw.amount, at)
    }
  }
}

interface KnownTerms extends Terms {
  tenant: string
  tenantLimits: Limits
  address: string | undefined
}

function ownersOf(
  {
    principal,
    tenant,
    tenantLimits,
    address
  }: Pick<AdmissionRequest, 'principal' | 'tenant' | 'tenantLimits' | 'address'>,
  addressLimits: Limits | undefined
): Owned[] {
  const ofTenant = { subject: `tenant/${tenant}`, owner: 'your tenant', limits: tenantLimits }
  const { tokenId, limits } = principal
  if (tokenId === undefined) {
    if (address === undefined || addressLimits === undefined) return [ofTenant]
    const limits = addressLimits
    return [ofTenant, { subject: `address/${address}`, owner: 'your address', limits }]
  }
  return [{ subject: `token/${tokenId}`, owner: 'this token', limits }, ofTenant]
}
