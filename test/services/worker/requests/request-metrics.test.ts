/** The models in a worker's labels are those that it holds, whatever callers write. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import { observeRequests } from '../../../../services/worker/requests/request-metrics.ts'
import { seriesIn, valueOf } from '../../../helpers/mesh/live-metrics.ts'

// Before any instrument is made.
const metrics = createMetrics({ forProcess: true })
const FACTS = {
  method: 'worker.infer',
  request: null,
  requestId: '',
  traceparent: undefined,
  peer: { key: '', role: 'orchestrator' }
}
const COUNT = 'gen_ai_server_request_duration_count'

test('what a caller writes becomes no label unless it is a model of this worker', async () => {
  const observe = observeRequests()
  const fail = (request: unknown, code: string) =>
    observe(
      {
        request: request as InferenceRequest,
        code,
        durationMs: 1,
        firstTokenMs: null,
        end: null,
        error: null,
        traceparent: undefined,
        startedAt: 0
      },
      FACTS
    )
  for (let i = 0; i < 100; i++) {
    fail({ asked: { model: randomUUID() } }, 'MODEL_NOT_FOUND')
    // not checked when it is measured
    fail({ asked: { model: { deep: randomUUID() } } }, 'VALIDATION_FAILED')
  }
  fail(null, 'VALIDATION_FAILED')
  fail({ asked: { model: 'sim' } }, 'CANCELLED')

  const series = seriesIn(await metrics.render())
  const models = series.filter(({ name }) => name === COUNT).map(({ labels }) => labels)
  assert.deepEqual(models, [
    { gen_ai_request_model: 'none', error_type: 'MODEL_NOT_FOUND' },
    { gen_ai_request_model: 'none', error_type: 'VALIDATION_FAILED' },
    { gen_ai_request_model: 'sim', error_type: 'CANCELLED' }
  ])
  const invalid = { error_type: 'VALIDATION_FAILED' }
  assert.equal(valueOf(series, COUNT, invalid), 101)
})
