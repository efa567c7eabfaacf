/** Tenants are named from outside, so their number has a bound in the metrics. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import { TenantMetrics, TENANTS_MAX } from '../../../../services/gateway/usage/tenant-metrics.ts'
import { seriesIn, valueOf } from '../../../helpers/mesh/live-metrics.ts'

// Before any instrument is made.
const metrics = createMetrics({ forProcess: true })

const END: InferenceEnd = {
  finishReason: 'stop',
  usage: { promptTokens: 5, cachedPromptTokens: 2, completionTokens: 3 },
  timings: { queueMs: 0, prefillMs: 1, decodeMs: 1 },
  model: 'sim',
  provider: 'sim'
}

test('the first 500 tenants have labels of their own, all later ones share one', async () => {
  const tenants = new TenantMetrics()
  const strangers = 2000
  for (let i = 0; i < TENANTS_MAX + strangers; i++) tenants.count(`tenant-${i}`, 'OK', END)
  tenants.count('tenant-0', 'OK', END) // still its own
  // Whoever makes up tenants does not hide those that name none.
  for (let i = 0; i < 3; i++) tenants.count(undefined, 'OK', END)
  tenants.count('tenant-1', 'WORKER_LOST', null)

  const series = seriesIn(await metrics.render())
  const requests = series.filter(({ name }) => name === 'haif_tenant_requests_total')
  assert.equal(requests.length, TENANTS_MAX + 3)
  const of = (tenant: string, code = 'OK') =>
    valueOf(requests, 'haif_tenant_requests_total', { tenant, code })
  assert.equal(of('tenant-0'), 2)
  assert.equal(of('tenant-1', 'WORKER_LOST'), 1)
  assert.equal(of(`tenant-${TENANTS_MAX - 1}`), 1)
  assert.equal(of(`tenant-${TENANTS_MAX}`), undefined)
  assert.equal(of('other'), strangers)
  assert.equal(of('none'), 3)
  const tokens = { tenant: 'other', kind: 'completion' }
  assert.equal(valueOf(series, 'haif_tenant_tokens_total', tokens), 3 * strangers)
})

test('an answer that two gateways have counted is left out of what comes next', async () => {
  const tenants = new TenantMetrics()
  const counted = async () => {
    const series = seriesIn(await metrics.render())
    const tenant = 'doubled'
    return [
      valueOf(series, 'haif_tenant_requests_total', { tenant, code: 'OK' }),
      valueOf(series, 'haif_tenant_tokens_total', { tenant, kind: 'completion' })
    ]
  }
  tenants.count('doubled', 'OK', END)
  tenants.count('doubled', 'OK', END)
  tenants.giveBack('doubled', { prompt: 5, cached: 2, completion: 5 })
  assert.deepEqual(await counted(), [2, 6])
  tenants.count('doubled', 'OK', END)
  assert.deepEqual(await counted(), [2, 6])
  tenants.count('doubled', 'OK', END)
  assert.deepEqual(await counted(), [3, 7])
})
