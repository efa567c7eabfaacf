/** What a worker measures of each request at its end: what its engine did, and for how long. */
import { counter, histogram } from '#shared/telemetry/instruments.ts'
import type { OnServed, ServedRequest } from '#shared/inference/served-inference.ts'
import { startSpan } from '#shared/telemetry/spans.ts'

/** With these codes the model is whatever a caller wrote, not one that is held here: no label. */
const NOT_HELD: ReadonlySet<string> = new Set(['MODEL_NOT_FOUND', 'VALIDATION_FAILED'])

export function observeRequests(): OnServed {
  const durations = histogram('gen_ai_server_request_duration')
  const firstToken = histogram('gen_ai_server_time_to_first_token')
  const perToken = histogram('gen_ai_server_time_per_output_token')
  const queue = histogram('haif_engine_queue_seconds')
  const tokens = counter('haif_model_tokens_total')

  return (served) => {
    const { code, durationMs, end } = served
    const asked = served.request?.asked?.model ?? 'none'
    const model = end?.model ?? (NOT_HELD.has(code) ? 'none' : asked)
    const byModel = { gen_ai_request_model: model }
    durations.record(durationMs / 1000, end === null ? { ...byModel, error_type: code } : byModel)
    if (end === null) return
    const { usage, timings } = end
    firstToken.record((timings.queueMs + timings.prefillMs) / 1000, byModel)
    queue.record(timings.queueMs / 1000, { model })
    if (usage.completionTokens > 1) {
      perToken.record(timings.decodeMs / 1000 / (usage.completionTokens - 1), byModel)
    }
    tokens.add(usage.promptTokens, { model, kind: 'prompt' })
    tokens.add(usage.cachedPromptTokens, { model, kind: 'cached' })
    tokens.add(usage.completionTokens, { model, kind: 'completion' })
    traceEngine(served)
  }
}

/** An engine reports its times at the end, so its spans are made then, one after the other. */
function traceEngine({ traceparent, startedAt, end }: ServedRequest): void {
  if (traceparent === undefined || end === null) return
  const { queueMs, prefillMs, decodeMs } = end.timings
  let at = startedAt
  for (const [name, ms] of [
    ['engine.queue', queueMs],
    ['engine.prefill', prefillMs],
    ['engine.decode', decodeMs]
  ] as const) {
    const attributes = { 'gen_ai.request.model': end.model, 'haif.engine': end.provider }
    startSpan(name, traceparent, { startTime: at, attributes }).end(at + ms)
    at += ms
  }
}
