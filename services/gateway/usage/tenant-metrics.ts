/**
 * What each tenant asks for and gets, as metrics. Its rows in the books are made by `UsageMeter`.
 */
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import { counter, LabelValues } from '#shared/telemetry/instruments.ts'

/** Tenants are named from outside: these have labels of their own, all later ones share `other`. */
export const TENANTS_MAX = 500
const NO_TENANT = 'none'

interface TokenCounts {
  prompt: number
  cached: number
  completion: number
}

export class TenantMetrics {
  readonly #requests = counter('haif_tenant_requests_total')
  readonly #tokens = counter('haif_tenant_tokens_total')
  readonly #tenants = new LabelValues(TENANTS_MAX)
  /** By tenant and thing: what was counted and given back, to be left out of what comes next. */
  readonly #givenBack = new Map<string, number>() // at most 4 * (TENANTS_MAX + 2)

  /** Counts an inference that was admitted and has ended; `end` is null when it failed. */
  count(tenantId: string | undefined, code: string, end: InferenceEnd | null): void {
    const tenant = this.#labelOf(tenantId)
    this.#requests.add(code === 'OK' ? this.#owed(tenant, 'OK', 1) : 1, { tenant, code })
    if (end === null) return
    const { promptTokens, cachedPromptTokens, completionTokens } = end.usage
    this.#count(tenant, 'prompt', promptTokens)
    this.#count(tenant, 'cached', cachedPromptTokens)
    this.#count(tenant, 'completion', completionTokens)
  }

  /**
   * An answer that another gateway has counted, too. Counters never fall, so it is left out of what
   * the tenant uses next.
   */
  giveBack(tenantId: string | undefined, usage: TokenCounts): void {
    const tenant = this.#labelOf(tenantId)
    const back = { OK: 1, ...usage }
    for (const [thing, amount] of Object.entries(back)) {
      const key = `${thing} ${tenant}`
      this.#givenBack.set(key, (this.#givenBack.get(key) ?? 0) + amount)
    }
  }

  #count(tenant: string, kind: keyof TokenCounts, amount: number): void {
    this.#tokens.add(this.#owed(tenant, kind, amount), { tenant, kind })
  }

  /** The amount without what was given back before. */
  #owed(tenant: string, thing: string, amount: number): number {
    const key = `${thing} ${tenant}`
    const back = this.#givenBack.get(key) ?? 0
    if (back === 0) return amount
    this.#givenBack.set(key, Math.max(0, back - amount))
    return Math.max(0, amount - back)
  }

  #labelOf(tenantId: string | undefined): string {
    return tenantId === undefined ? NO_TENANT : this.#tenants.of(tenantId)
  }
}
