/** Notes what one request costs while it passes, for its row in the books. */
import type { EmbedReply } from '#shared/contracts/inference/embedding.ts'
import type { AttemptTold } from '#shared/contracts/inference/attempt-told.ts'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { toHaifError } from '#shared/errors.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'
import { causeOf } from '#shared/kit/reason-of.ts'
import { KeptText } from './kept-text.ts'
import type { RequestNote, UsageRecorder, UsageRow } from './usage-row.ts'

interface Charged {
  usageId: string
  /** The row of the gateway that was lost while it gave the same answer. */
  continues?: string | null
  answerId?: string | null
  way?: number
  requestId: string
  tenantId: string
  tokenId: string | null
}

/** Beginnings and ends are by the clock, durations by the monotonic one; both in milliseconds. */
interface Clocks {
  date: () => number
  now: () => number
}

export const SYSTEM_CLOCKS: Clocks = { date: Date.now, now: () => performance.now() }

export class UsageMeter {
  readonly #recorder: UsageRecorder
  readonly #clocks: Clocks
  readonly #begunAt: number
  readonly #row: UsageRow
  readonly #note: RequestNote
  readonly #answer: KeptText | null
  #sawAnswer = false

  constructor(
    recorder: UsageRecorder,
    charged: Charged,
    {
      kind,
      model = '',
      prompt
    }: {
      kind: UsageRow['kind']
      model: string | undefined
      /** Given where the tenant has its prompts and answers kept. */
      prompt?: string | undefined
    },
    clocks: Clocks = SYSTEM_CLOCKS
  ) {
    this.#recorder = recorder
    this.#clocks = clocks
    this.#begunAt = clocks.now()
    this.#row = begunRow(charged, model, kind, clocks)
    this.#answer = prompt === undefined ? null : new KeptText()
    const kept = prompt === undefined ? null : new KeptText(prompt).text
    this.#note = { message: null, cause: null, attempts: [], prompt: kept, answer: null }
    this.#row.error_code = 'CANCELLED' // when the reader leaves, nothing else says so
  }

  passed(batch: ItemBatch<InferenceItem>): void {
    if (this.#answer !== null) for (const { text } of batch.items()) this.#answer.add(text)
    if (this.#sawAnswer) return
    const items = batch.items()
    this.#row.digest = items.find(({ digest }) => digest !== undefined)?.digest ?? null
    this.#sawAnswer = items.some(({ queued }) => queued === undefined)
  }

  ended(end: InferenceEnd): void {
    const row = this.#row
    const { usage, timings, workers = [] } = end
    row.error_code = null
    row.finish_reason = end.finishReason
    this.#note.attempts = end.tries ?? []
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
    if (!isRepeated && end.receipt !== undefined) row.receipts = [end.receipt]
  }

  embedded({ model, worker, promptTokens, receipt }: EmbedReply): void {
    const row = this.#row
    row.error_code = null
    row.finish_reason = 'stop'
    row.model = model
    row.worker = worker ?? null
    row.attempts = 1
    row.prompt_tokens = promptTokens
    if (receipt !== undefined) row.receipts = [receipt]
  }

  /** `tries`: the attempts that its orchestrator has told of. */
  failed(error: unknown, tries: AttemptTold[] = []): void {
    const failure = toHaifError(error)
    this.#row.error_code = failure.code
    const last = tries.at(-1)
    if (last !== undefined) this.#row.worker = last.worker
    this.#row.attempts = tries.filter(({ outcome }) => outcome !== 'refused').length
    const cause = causeOf(failure)
    const isNews = cause !== failure.message
    Object.assign(this.#note, { message: failure.message, cause: isNews ? cause : null })
    this.#note.attempts = tries
  }

  /**
   * On disk when it resolves, so before the end is on its way: whoever has an answer is also in the
   * books. `sent`: tokens that were passed on, which count where no end has told. `charged`: what
   * budgets have counted.
   */
  async record(sent = 0, charged = 0): Promise<void> {
    const row = this.#row
    row.charged_tokens = charged
    if (row.error_code !== null) row.completion_tokens = sent
    row.duration_ms = this.#clocks.now() - this.#begunAt
    row.ended_at = new Date(this.#clocks.date()).toISOString()
    this.#note.answer = this.#answer?.text ?? null
    const { message, attempts, prompt } = this.#note
    const isSilent = message === null && attempts.length === 0 && prompt === null
    await this.#recorder.record(isSilent ? row : { ...row, note: this.#note })
  }
}

export function begunRow(
  { usageId, continues = null, answerId = null, way = 0, requestId, tenantId, tokenId }: Charged,
  model: string,
  kind: UsageRow['kind'],
  { date }: Clocks
): UsageRow {
  const startedAt = new Date(date()).toISOString()
  return {
    usage_id: usageId,
    continues,
    answer_id: answerId,
    way,
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
    charged_tokens: 0,
    estimated: false,
    queue_ms: 0,
    prefill_ms: 0,
    decode_ms: 0,
    duration_ms: 0,
    receipts: [],
    finish_reason: null,
    error_code: null,
    started_at: startedAt,
    ended_at: startedAt
  }
}
