import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import { Histogram } from '#shared/telemetry/histogram.ts'
import { histogram } from '#shared/telemetry/instruments.ts'
import { METRICS } from '#shared/telemetry/names.ts'
import { seriesIn, valueOf } from '../../helpers/mesh/live-metrics.ts'

test('a value counts in the first bucket whose bound it does not pass', () => {
  const kept = new Histogram([1, 2])
  for (const value of [0, 1, 1.5, 2, 2.1, Infinity]) kept.record(value)
  for (const none of [-1, NaN]) kept.record(none)
  const [all, ...others] = kept.distributions()
  assert.deepEqual(all, { attributes: {}, counts: [2, 2, 2], count: 6, sum: Infinity })
  assert.deepEqual(others, [])
})

test('values with the same labels are one distribution, of one metric whoever asks for it', () => {
  const { meter } = createMetrics()
  const name = 'haif_rpc_duration_seconds'
  histogram(name, meter).record(1, { method: 'a', code: 'OK' })
  histogram(name, meter).record(2, { method: 'a', code: 'OK' })
  histogram(name, meter).record(3, { method: 'a', code: 'INTERNAL' })
  const kept = histogram(name, meter).distributions()
  assert.deepEqual(
    kept.map(({ attributes, count, sum }) => [attributes['code'], count, sum]),
    [
      ['OK', 2, 3],
      ['INTERNAL', 1, 3]
    ]
  )
})

test('the metrics show it as Prometheus reads histograms', async () => {
  const metrics = createMetrics()
  const name = 'haif_rpc_duration_seconds'
  const { buckets } = METRICS[name]
  const labels = { method: 'a', code: 'OK' }
  // nothing was measured yet
  assert.doesNotMatch(await metrics.render(), /haif_rpc_duration_seconds/)
  histogram(name, metrics.meter).record(buckets[0], labels)
  histogram(name, metrics.meter).record(1e6, labels)
  const text = await metrics.render()
  assert.match(text, /^# TYPE haif_rpc_duration_seconds histogram$/m)
  const series = seriesIn(text)
  const below = (le: string) => valueOf(series, `${name}_bucket`, { ...labels, le })
  assert.deepEqual(
    [below(String(buckets[0])), below(String(buckets.at(-1))), below('+Inf')],
    [1, 1, 2]
  )
  assert.equal(valueOf(series, `${name}_count`, labels), 2)
  assert.equal(valueOf(series, `${name}_sum`, labels), buckets[0] + 1e6)
})
