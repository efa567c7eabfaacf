/** A mesh that is operated over HTTP alone: seen, drained, resumed, its requests found again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FORGET_NOTES } from '../../../../services/gateway/usage/usage-row.ts'
import { startGuardedMesh } from '../../../helpers/mesh/guarded-mesh.ts'
import { simSource } from '../../../helpers/mesh/mesh.ts'
import { until } from '../../../helpers/until.ts'

interface Worker {
  id: string
  state: string
  labels?: object
  models: { name: string; state: string; on_demand?: boolean }[]
  today?: { requests: number; failed: number }
}

test('an operator sees the mesh, tells its workers, and finds a failed request by its id', async (t) => {
  const { ask, token, make, access, store, mesh } = await startGuardedMesh(t)
  const operator = (await make({ tenant: 'ops', scopes: ['operator'], limits: { concurrent: 5 } }))
    .secret
  const observer = await token('ops', 'observer')
  const loader = await token('ops', 'models:write')
  const read = async <Body>(path: string): Promise<Body> =>
    (await (await ask(`GET ${path}`, observer)).json()) as Body
  const tell = async (act: string, body: object, secret = operator) => {
    const response = await ask(`POST /v1/admin/workers/${id}/${act}`, secret, body)
    assert.ok(response.ok, `${act}: ${response.status} ${await response.clone().text()}`)
    return (await response.json()) as Record<string, unknown>
  }
  const infer = (body: object) =>
    ask('POST /infer', operator, { prompt: 'hi', max_tokens: 2, ...body })
  let id = ''
  const worker = () => read<Worker>(`/v1/admin/workers/${id}`)

  await t.test('everything that runs is there', async () => {
    const { workers } = await read<{ workers: Worker[] }>('/v1/admin/workers?model=sim')
    id = workers[0]!.id
    assert.equal(workers.length, 1)
    const mesh = await read<{ workers: { ready: number }; peers: object[]; total: number }>(
      '/v1/admin/mesh'
    )
    assert.equal(mesh.workers.ready, 1)
    assert.equal(mesh.peers.length, mesh.total)
    const { models } = await read<{ models: { name: string; default: boolean }[] }>(
      '/v1/admin/models'
    )
    assert.deepEqual(
      models.map(({ name }) => name),
      ['sim', 'vectors']
    )
  })

  await t.test('a drained worker takes nothing until it is resumed', async () => {
    await tell('drain', {})
    await until(async () => (await worker()).state === 'paused')
    assert.equal((await infer({ model: 'sim' })).status, 503)
    await tell('resume', {})
    await until(async () => (await infer({ model: 'sim' })).status === 200)
  })

  await t.test('labels are merged, and null takes one away', async () => {
    await tell('label', { labels: { room: 'cellar', floor: '1' } })
    const { labels } = await tell('label', { labels: { floor: null } })
    assert.deepEqual(labels, { room: 'cellar' })
    await until(async () => JSON.stringify((await worker()).labels) === '{"room":"cellar"}')
  })

  await t.test('a model is unloaded and pinned again by whoever may change models', async () => {
    const unloaded = await tell('models', { action: 'unload', model: 'sim' }, loader)
    assert.equal(unloaded['state'], 'loadable')
    await tell('models', { action: 'pin', model: 'sim' }, loader)
    await until(async () => {
      const sim = (await worker()).models.find(({ name }) => name === 'sim')
      return sim?.state === 'ready' && sim.on_demand === false
    })
  })

  await t.test('a request is found by its id, with its attempts or why it failed', async () => {
    const served = (await infer({ model: 'sim' })).headers.get('x-request-id')
    const failed = (await infer({ model: 'nope' })).headers.get('x-request-id')
    type Detail = { status: string; message?: string; attempts_made: Record<string, unknown>[] }
    const detail = (of: string | null) => ask(`GET /v1/admin/requests/${of}`, observer)
    await until(async () => (await detail(failed)).ok && (await detail(served)).ok)
    const ok = (await (await detail(served)).json()) as Detail
    assert.equal(ok.status, 'ok')
    const [attempt] = ok.attempts_made
    assert.deepEqual([attempt?.['worker'], attempt?.['outcome']], [id, 'answered'])
    assert.match(String(attempt?.['reason']), /least expected time to first token/)
    const bad = (await (await detail(failed)).json()) as Detail
    assert.equal(bad.status, 'failed')
    assert.match(bad.message ?? '', /nope/)
    const page = await read<{ requests: { request_id: string }[]; next?: string }>(
      `/v1/admin/requests?status=failed&model=nope&limit=1`
    )
    assert.equal(page.requests[0]?.request_id, failed)
    assert.ok(((await worker()).today?.requests ?? 0) > 0)
  })

  await t.test(
    'a reader of events is told of all that is there, and then of what ends',
    async () => {
      const response = await ask('GET /v1/admin/events', observer)
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
      let text = ''
      const readUntil = async (what: RegExp) => {
        while (!what.test(text)) {
          const { value, done } = await reader.read()
          assert.ok(!done, `the events ended before ${what}`)
          text += value
        }
      }
      await readUntil(/event: ready/)
      assert.match(text, /event: worker\n/)
      await infer({ model: 'sim' })
      await readUntil(/event: request\n/)
      await reader.cancel()
    }
  )

  await t.test('a setting changes at once, with who did it, and goes back', async () => {
    type Setting = { name: string; value?: string | number; source: string; set_by?: string }
    const change = async (patch: object) =>
      (await (await ask('PATCH /v1/admin/settings', operator, patch)).json()) as {
        settings: Setting[]
      }
    const named = (settings: Setting[], name: string) => settings.find((each) => each.name === name)
    const changed = await change({ tenant_max_concurrent: 3, keep_requests_days: 7 })
    assert.equal(access.limitsOf('nobody-in-particular').concurrent, 3)
    const { settings } = await read<{ settings: Setting[] }>('/v1/admin/settings')
    assert.deepEqual(settings, changed.settings)
    const limit = named(settings, 'tenant_max_concurrent')!
    assert.deepEqual([limit.value, limit.source], [3, 'kept'])
    assert.ok(limit.set_by)
    assert.deepEqual(named(settings, 'log_level')?.source, 'default')
    const wrong = await ask('PATCH /v1/admin/settings', operator, { keep_requests_days: -1 })
    assert.equal(wrong.status, 400)
    const back = await change({ tenant_max_concurrent: null, keep_requests_days: null })
    assert.equal(named(back.settings, 'keep_requests_days')?.value, 30)
    assert.equal(access.limitsOf('nobody-in-particular').concurrent, undefined)
    const audit = await ask('GET /v1/admin/audit', observer)
    assert.match(await audit.text(), /settings\.set.*tenantMaxConcurrent/)
  })

  await t.test('a running request is cancelled by its id, and its caller hears of it', async () => {
    const { worker: slow } = await mesh.addWorker([
      simSource({ name: 'slow', decodeTokensPerSecond: 10, prefillTokensPerSecond: Infinity })
    ])
    await slow.loaded()
    await until(async () => (await infer({ model: 'slow', max_tokens: 1 })).status === 200)
    const response = await infer({ model: 'slow', max_tokens: 4000, stream: true })
    const runs = async () =>
      (await read<{ requests: { request_id: string }[] }>('/v1/admin/queue')).requests
    await until(async () => (await runs()).length === 1)
    const [{ request_id: own }] = (await runs()) as [{ request_id: string }]
    const cancelled = await ask(`DELETE /v1/admin/requests/${own}`, operator)
    assert.deepEqual(await cancelled.json(), { id: own, cancelled: 1 })
    assert.match(await response.text(), /event: error\ndata: .*an operator has cancelled/)
    const again = await ask(`DELETE /v1/admin/requests/${own}`, operator)
    assert.equal(again.status, 404)
  })

  await t.test('a caller sees who it is, and what is left of its limits', async () => {
    const me = (await (await ask('GET /v1/me', operator)).json()) as Record<string, unknown>
    assert.equal(me['tenant'], 'ops')
    assert.deepEqual(me['limits'], [{ limit: 'concurrent', of: 'token', max: 5, used: 0, left: 5 }])
    assert.ok((me['scopes'] as string[]).includes('models:write'), 'an operator may all')
  })

  await t.test('limits are changed one by one, and null lifts one', async () => {
    const patch = async (path: string, body: object) => {
      const response = await ask(`PATCH /v1/admin/${path}`, operator, body)
      assert.ok(response.ok, `${response.status} ${await response.clone().text()}`)
      return (await response.json()) as { limits: object; keep_prompts?: boolean }
    }
    const first = { limits: { requests_per_minute: 600, weight: 2 } }
    await patch('tenants/ops', first)
    const { limits } = await patch('tenants/ops', {
      limits: { tokens_per_minute: 100_000, weight: null }
    })
    assert.deepEqual(limits, { requests_per_minute: 600, tokens_per_minute: 100_000 })
    const lifted = await patch('tenants/ops', {
      limits: { requests_per_minute: null, tokens_per_minute: null },
      keep_prompts: true
    })
    assert.deepEqual([lifted.limits, lifted.keep_prompts], [{}, true])
    const wrong = await ask('PATCH /v1/admin/tenants/ops', operator, { limits: { weight: 0 } })
    assert.equal(wrong.status, 400)
    const missing = await ask('PATCH /v1/admin/tenants/nobody', operator, { limits: {} })
    assert.equal(missing.status, 404)
    const { token } = await make({ tenant: 'ops', limits: { concurrent: 3 } })
    const changed = await patch(`tokens/${token.id}`, { limits: { requests_per_second: 5 } })
    assert.deepEqual(changed.limits, { requests_per_second: 5, concurrent: 3 })
  })

  await t.test('texts are kept for a tenant that has that switched on', async () => {
    const id = (await infer({ model: 'sim', prompt: 'remember me' })).headers.get('x-request-id')
    await until(async () => (await ask(`GET /v1/admin/requests/${id}`, observer)).ok)
    const kept = await read<{ prompt?: string; answer?: string }>(`/v1/admin/requests/${id}`)
    assert.match(kept.prompt ?? '', /remember me/)
    assert.ok((kept.answer ?? '').length > 0)
  })

  await t.test('a tenant whose requests are not kept has no details of them', async () => {
    const counted = async () =>
      (await store.query<{ n: number }>('select count(*) as n from request_details'))[0]!.n
    await ask('PATCH /v1/admin/tenants/ops', operator, { keep_requests_days: 0 })
    const before = await counted()
    const id = (await infer({ model: 'sim' })).headers.get('x-request-id')
    await until(async () => (await ask(`GET /v1/admin/requests/${id}`, observer)).ok)
    const row = await read<{ status: string; attempts_made: object[] }>(`/v1/admin/requests/${id}`)
    assert.deepEqual([row.status, row.attempts_made], ['ok', []])
    assert.equal(await counted(), before)
    await store.query(`update request_details set expires_at = now() - interval '1 second'`)
    assert.equal((await store.query(FORGET_NOTES)).length, before, 'their time is over')
    assert.equal(await counted(), 0)
  })

  await t.test('each act is in the audit', async () => {
    const { events } = await access.stored.audit.list({ tenant: 'mesh', limit: 100 })
    const actions = events.map(({ action }) => action)
    for (const action of [
      'worker.pause',
      'worker.resume',
      'worker.label',
      'model.unload',
      'model.pin'
    ]) {
      assert.ok(actions.includes(action), `${action} is not among ${actions.join(', ')}`)
    }
  })
})
