/**
 * What each tenant asks for and gets, as metrics. Its rows in the books are made by `UsageMeter`.
 */
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import { counter, LabelValues } from '#shared/telemetry/instruments.ts'

/** Tenants are named from outside: these have labels of their own, all later ones share `other`. */
export const TENANTS_MAX = 500
const NO_TENANT = 'none'

export class TenantMetrics {
  readonly #requests = counter('haif_tenant_requests_total')
  readonly #tokens = counter('haif_tenant_tokens_total')
  readonly #tenants = new LabelValues(TENANTS_MAX)

  /** Counts an inference that was admitted and has ended; `end` is null when it failed. */
  count(tenantId: string | undefined, code: string, end: InferenceEnd | null): void {
    const tenant = tenantId === undefined ? NO_TENANT : this.#tenants.of(tenantId)
    this.#requests.add(1, { tenant, code })
    if (end === null) return
    const { promptTokens, cachedPromptTokens, completionTokens } = end.usage
    this.#tokens.add(promptTokens, { tenant, kind: 'prompt' })
    this.#tokens.add(cachedPromptTokens, { tenant, kind: 'cached' })
    this.#tokens.add(completionTokens, { tenant, kind: 'completion' })
  }
}
