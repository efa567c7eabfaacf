/** What the orchestrator can tell of a request at its end: its tenant, and its pace for the client. */
import { counter, histogram, LabelValues } from '../../../shared/telemetry/instruments.ts'
import type { ServedRequest } from '../../../shared/inference/served-inference.ts'

/** Tenants that have labels of their own; the later ones are counted together. */
export const TENANTS_MAX = 500
const NO_TENANT = 'none'

export function observeRequestsAtOrchestrator(): (served: ServedRequest) => void {
  const requests = counter('haif_tenant_requests_total')
  const tokens = counter('haif_tenant_tokens_total')
  const interToken = histogram('haif_inter_token_latency_seconds')
  const tenants = new LabelValues(TENANTS_MAX)

  return ({ request, code, durationMs, firstTokenMs, end }) => {
    const named = tenantOf(request)
    const tenant = named === null ? NO_TENANT : tenants.of(named)
    requests.add(1, { tenant, code })
    if (end === null) return
    const { promptTokens, cachedPromptTokens, completionTokens } = end.usage
    tokens.add(promptTokens, { tenant, kind: 'prompt' })
    tokens.add(cachedPromptTokens, { tenant, kind: 'cached' })
    tokens.add(completionTokens, { tenant, kind: 'completion' })
    if (firstTokenMs === null || completionTokens < 2) return
    const seconds = (durationMs - firstTokenMs) / 1000 / (completionTokens - 1)
    interToken.record(seconds, { model: end.model })
  }
}

/** The request is not checked yet when it is observed. */
function tenantOf(request: unknown): string | null {
  const tenant = (request as { tenantId?: unknown } | null)?.tenantId
  return typeof tenant === 'string' ? tenant : null
}
