/** One row for each request, whatever became of it: answered, cancelled, failed, repeated. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { itemCodec } from '#shared/contracts/inference/item-codec.ts'
import { HaifError } from '#shared/errors.ts'
import { ItemBatch } from '#shared/rpc/items.ts'
import { UsageMeter } from '../../../../services/gateway/usage/usage-meter.ts'
import type { SpooledUsage, UsageRow } from '../../../../services/gateway/usage/usage-row.ts'

const CHARGED = { usageId: 'u', requestId: 'r', tenantId: 'a', tokenId: 'tok' }
const STARTED = Date.UTC(2026, 0, 1)
const DIGEST = 'd'.repeat(64)

const END: InferenceEnd = {
  finishReason: 'stop',
  usage: { promptTokens: 7, cachedPromptTokens: 3, completionTokens: 5 },
  timings: { queueMs: 1, prefillMs: 20, decodeMs: 30 },
  model: 'served',
  provider: 'sim',
  attempts: 2,
  workers: ['first', 'second']
}

/** The row of a request as it is before anything has become of it. */
const BEGUN: UsageRow = {
  usage_id: 'u',
  continues: null,
  answer_id: null,
  way: 0,
  receipts: [],
  request_id: 'r',
  tenant_id: 'a',
  token_id: 'tok',
  kind: 'infer',
  model: 'asked',
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
  duration_ms: 250,
  finish_reason: null,
  error_code: null,
  started_at: '2026-01-01T00:00:00.000Z',
  ended_at: '2026-01-01T00:00:02.000Z'
}

/** A meter whose request takes 250 ms, while the clock on the wall is set 2 s forward. */
function meterOf(asked: { kind?: 'embed'; model?: undefined; prompt?: string } = {}) {
  const rows: SpooledUsage[] = []
  const clock = { date: STARTED, now: 1000 }
  const clocks = { date: () => clock.date, now: () => clock.now }
  const recorder = { record: (row: SpooledUsage) => void rows.push({ ...row }) }
  const what = { kind: 'infer', model: 'asked', ...asked } as const
  const meter = new UsageMeter(recorder, CHARGED, what, clocks)
  const recorded = (sent?: number): UsageRow => {
    clock.date += 2000
    clock.now += 250
    void meter.record(sent)
    assert.equal(rows.length, 1)
    const { note: _note, ...row } = rows[0]!
    return row
  }
  return { meter, recorded, noted: () => rows[0]?.note }
}

const batch = (...items: Partial<InferenceItem>[]) =>
  ItemBatch.of(
    itemCodec,
    items.map((item) => ({ seq: 0, tokenIds: [], text: '', ...item }))
  )

test('an answer costs what its end says, on the worker that ended it', () => {
  const { meter, recorded } = meterOf()
  meter.passed(batch({ queued: { ahead: 1, waitMs: 5 } }))
  meter.passed(batch({ tokenIds: [1], text: 'a', digest: DIGEST }, { seq: 1, tokenIds: [2] }))
  meter.ended(END)
  assert.deepEqual(recorded(99), {
    ...BEGUN,
    model: 'served',
    digest: DIGEST,
    worker: 'second',
    attempts: 2,
    prompt_tokens: 7,
    cached_prompt_tokens: 3,
    completion_tokens: 5,
    queue_ms: 1,
    prefill_ms: 20,
    decode_ms: 30,
    finish_reason: 'stop'
  })
})

test('an end without attempts or workers is one attempt of nobody', () => {
  const { meter, recorded } = meterOf()
  const { attempts: _attempts, workers: _workers, ...end } = END
  meter.ended({ ...end, usage: { ...end.usage, estimated: true } })
  const { attempts, worker, estimated } = recorded()
  assert.deepEqual({ attempts, worker, estimated }, { attempts: 1, worker: null, estimated: true })
})

test('a request whose reader left is cancelled, and costs the tokens that were passed on', () => {
  const { meter, recorded } = meterOf()
  meter.passed(batch({ tokenIds: [1, 2, 3], text: 'abc', digest: DIGEST }))
  assert.deepEqual(recorded(3), {
    ...BEGUN,
    digest: DIGEST,
    completion_tokens: 3,
    error_code: 'CANCELLED'
  })
})

test('a request that was cancelled in the queue costs nothing', () => {
  const { meter, recorded } = meterOf()
  meter.passed(batch({ queued: { ahead: 3, waitMs: 900 } }))
  assert.deepEqual(recorded(), { ...BEGUN, error_code: 'CANCELLED' })
})

test('a request that failed has the code of its error, and the tokens from before it', () => {
  const { meter, recorded } = meterOf()
  meter.passed(batch({ tokenIds: [1], text: 'a' }))
  meter.failed(new HaifError('WORKER_LOST', 'gone'))
  assert.deepEqual(recorded(1), { ...BEGUN, completion_tokens: 1, error_code: 'WORKER_LOST' })
})

test('an error that nobody expected is INTERNAL', () => {
  const { meter, recorded } = meterOf()
  meter.failed(new TypeError('a bug'))
  assert.equal(recorded().error_code, 'INTERNAL')
})

test('a repeated answer costs nothing, as nobody has computed it again', () => {
  const { meter, recorded } = meterOf()
  meter.passed(batch({ tokenIds: [1], text: 'a', digest: DIGEST }))
  meter.ended({ ...END, repeated: true })
  assert.deepEqual(recorded(5), {
    ...BEGUN,
    model: 'served',
    digest: DIGEST,
    worker: 'second',
    queue_ms: 1,
    finish_reason: 'stop'
  })
})

test('embeddings cost the tokens of their inputs and no others', () => {
  const { meter, recorded } = meterOf({ kind: 'embed' })
  meter.embedded({ model: 'served', provider: 'sim', vectors: [], promptTokens: 12, worker: 'w' })
  assert.deepEqual(recorded(), {
    ...BEGUN,
    kind: 'embed',
    model: 'served',
    worker: 'w',
    attempts: 1,
    prompt_tokens: 12,
    finish_reason: 'stop'
  })
})

test('embeddings that failed cost nothing', () => {
  const { meter, recorded } = meterOf({ kind: 'embed' })
  meter.failed(new HaifError('NO_ELIGIBLE_WORKER', 'none'))
  assert.deepEqual(recorded(), { ...BEGUN, kind: 'embed', error_code: 'NO_ELIGIBLE_WORKER' })
})

test('a request without a model has none in the books until one answers', () => {
  const begun = meterOf({ model: undefined })
  assert.equal(begun.recorded().model, '')
  const answered = meterOf({ model: undefined })
  answered.meter.ended(END)
  assert.equal(answered.recorded().model, 'served')
})

test('the digest is that of the first tokens, whatever comes later', () => {
  const { meter, recorded } = meterOf()
  meter.passed(batch({ tokenIds: [1], text: 'a', digest: DIGEST }))
  meter.passed(batch({ tokenIds: [2], text: 'b', digest: 'e'.repeat(64) }))
  meter.ended(END)
  assert.equal(recorded().digest, DIGEST)
})

test('what operators want to know stands beside the row: attempts, the error and its cause', () => {
  const { meter, recorded, noted } = meterOf()
  const worker = 'w'.repeat(64)
  const attempt = { worker, reason: 'free', startedMs: 0, endedMs: 9, outcome: 'failed' as const }
  const cause = new Error('ECONNRESET')
  meter.failed(new HaifError('WORKER_LOST', 'the worker was lost', { cause }), [attempt])
  assert.deepEqual(
    (({ worker, attempts }) => ({ worker, attempts }))(recorded()),
    { worker, attempts: 1 },
    'the last worker is to be found again'
  )
  assert.deepEqual(noted(), {
    message: 'the worker was lost',
    cause: 'the worker was lost (ECONNRESET)',
    attempts: [attempt],
    prompt: null,
    answer: null
  })
})

test('texts are kept only where the tenant has that switched on, and not for ever longer', () => {
  const { meter, recorded, noted } = meterOf({ prompt: 'p'.repeat(20_000) })
  meter.passed(batch({ tokenIds: [1], text: 'an ' }))
  meter.passed(batch({ tokenIds: [2], text: 'answer' }))
  meter.ended(END)
  recorded()
  assert.equal(noted()?.answer, 'an answer')
  assert.equal(noted()?.prompt?.length, 16_384)
  const off = meterOf()
  off.meter.passed(batch({ tokenIds: [1], text: 'secret' }))
  off.meter.ended({ ...END, tries: [] })
  off.recorded()
  assert.equal(off.noted(), undefined)
})
