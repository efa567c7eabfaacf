import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '#shared/process/log.ts'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import { observeRequests } from '../../../../services/orchestrator/requests/request-metrics.ts'
import { seriesIn, valueOf } from '../../../helpers/mesh/live-metrics.ts'

// Before any instrument is made.
const metrics = createMetrics({ forProcess: true })

const FACTS = {
  method: 'orchestrator.infer',
  request: null,
  requestId: 'r',
  traceparent: undefined,
  peer: { key: 'k', role: 'gateway' }
}

test('the time between two tokens is measured of answers that have two, whatever the request was', async () => {
  const observe = observeRequests(silentLogger())
  const serve = (completionTokens: number, firstTokenMs: number | null) =>
    observe(
      {
        request: null, // it is not checked yet when it is observed
        code: 'OK',
        durationMs: 110,
        firstTokenMs,
        end: {
          finishReason: 'stop',
          usage: { promptTokens: 5, cachedPromptTokens: 0, completionTokens },
          timings: { queueMs: 0, prefillMs: 1, decodeMs: 1 },
          model: 'sim',
          provider: 'sim'
        },
        traceparent: undefined,
        startedAt: 0
      },
      FACTS
    )
  serve(11, 10)
  serve(1, 10)
  serve(0, null)
  const series = seriesIn(await metrics.render())
  const value = (part: string) =>
    valueOf(series, `haif_inter_token_latency_seconds_${part}`, { model: 'sim' })
  assert.equal(value('count'), 1)
  assert.equal(value('sum'), 0.01)
})
