/** Notes what a request costs while it passes, and records it before its end is passed on. */
import type { InferenceEnd, InferenceItem, InferenceRequest } from '#shared/contracts/inference.ts'
import { SentTokens } from '#shared/contracts/sent-tokens.ts'
import { toHaifError } from '#shared/errors.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'
import type { UsageRecorder, UsageRow } from './usage-row.ts'

export interface Charged {
  usageId: string
  requestId: string
  tenantId: string
  tokenId: string | null
}

/** Beginnings and ends are by the clock, durations by the monotonic one; both in milliseconds. */
export interface Clocks {
  date: () => number
  now: () => number
}

export const SYSTEM_CLOCKS: Clocks = { date: Date.now, now: () => performance.now() }

export async function* metered(
  batches: AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void>,
  request: InferenceRequest,
  charged: Charged,
  usage: UsageRecorder,
  clocks: Clocks = SYSTEM_CLOCKS
): AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void> {
  const row = begunRow(charged, request.model ?? '', 'infer', clocks)
  const begunAt = clocks.now()
  const sent = new SentTokens()
  let isFirst = true
  row.error_code = 'CANCELLED' // when the reader leaves, nothing else says so
  try {
    for (;;) {
      const { done, value } = await batches.next()
      if (done === true) {
        addEnd(row, value)
        return value
      }
      sent.addBatch(value)
      if (isFirst) {
        row.digest = value.items().find(({ digest }) => digest !== undefined)?.digest ?? null
        isFirst = value.items().every(({ queued }) => queued !== undefined)
      }
      yield value
    }
  } catch (error) {
    row.error_code = toHaifError(error).code
    throw error
  } finally {
    await batches.return(undefined as never)
    // Where no end has told, what has been passed on is what is known; only then is it read.
    if (row.error_code !== null) row.completion_tokens = sent.count
    row.duration_ms = clocks.now() - begunAt
    row.ended_at = new Date(clocks.date()).toISOString()
    // On disk before the end is on its way: whoever has an answer is also in the books.
    usage.record(row)
  }
}

export function begunRow(
  { usageId, requestId, tenantId, tokenId }: Charged,
  model: string,
  kind: UsageRow['kind'],
  { date }: Clocks
): UsageRow {
  const startedAt = new Date(date()).toISOString()
  return {
    usage_id: usageId,
    request_id: requestId,
    tenant_id: tenantId,
    token_id: tokenId,
    kind,
    model,
    digest: null,
    worker: null,
    attempts: 0,
    prompt_tokens: 0,
    cached_prompt_tokens: 0,
    completion_tokens: 0,
    estimated: false,
    queue_ms: 0,
    prefill_ms: 0,
    decode_ms: 0,
    duration_ms: 0,
    finish_reason: null,
    error_code: null,
    started_at: startedAt,
    ended_at: startedAt
  }
}

function addEnd(row: UsageRow, end: InferenceEnd): void {
  const { usage, timings, workers = [] } = end
  row.error_code = null
  row.finish_reason = end.finishReason
  row.model = end.model
  row.worker = workers.at(-1) ?? null
  row.queue_ms = timings.queueMs
  // An answer that was given before is read again: nobody has computed anything.
  const isRepeated = end.repeated === true
  row.attempts = isRepeated ? 0 : (end.attempts ?? 1)
  row.prompt_tokens = isRepeated ? 0 : usage.promptTokens
  row.cached_prompt_tokens = isRepeated ? 0 : usage.cachedPromptTokens
  row.completion_tokens = isRepeated ? 0 : usage.completionTokens
  row.prefill_ms = isRepeated ? 0 : timings.prefillMs
  row.decode_ms = isRepeated ? 0 : timings.decodeMs
  row.estimated = usage.estimated === true
}
