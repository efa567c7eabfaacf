import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HaifError } from '#shared/errors.ts'
import { silentLogger } from '#shared/process/log.ts'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import { observeRequests } from '../../../../services/orchestrator/requests/request-metrics.ts'
import { recordingLogger } from '../../../helpers/peers/peer-log.ts'
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
        error: null,
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

test('a request that failed is a warning with its cause, and one whose caller has left is none', () => {
  const { log, lines } = recordingLogger('info')
  const observe = observeRequests(log)
  const fail = (error: HaifError) =>
    observe(
      {
        request: { asked: { model: 'm' } } as never,
        code: error.code,
        durationMs: 1,
        firstTokenMs: null,
        end: null,
        error,
        traceparent: undefined,
        startedAt: 0
      },
      FACTS
    )
  const cause = new Error('llama.cpp ran out of memory')
  fail(new HaifError('ENGINE_FAILED', 'the model process ended', { cause }))
  fail(new HaifError('CANCELLED', 'the caller has left'))
  const [failed, left] = lines
  assert.equal(failed!['level'], 40)
  assert.equal(failed!['request_id'], 'r')
  assert.equal(failed!['model'], 'm')
  assert.equal(failed!['code'], 'ENGINE_FAILED')
  assert.equal(failed!['cause'], 'the model process ended (llama.cpp ran out of memory)')
  assert.equal(left!['level'], 30)
  for (let i = 0; i < 1000; i++) fail(new HaifError('WORKER_LOST', 'it went away'))
  const warnings = lines.filter(({ level }) => level === 40).length
  assert.ok(warnings <= 60, `${warnings} warnings`) // a second may end in between
})
