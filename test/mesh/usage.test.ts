/** What requests have used, as their tenants and operators read it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGuardedMesh } from '../helpers/mesh/guarded-mesh.ts'

interface Row {
  key: string
  requests: number
  errors: number
  stopped: number
  prompt_tokens: number
  cached_prompt_tokens: number
  completion_tokens: number
}

test('usage is read by model, token, worker, day and tenant, and only of one’s own', async (t) => {
  const { mesh, store, usage, ask, make } = await startGuardedMesh(t)
  const [a, sibling, b] = [
    await make({ tenant: 'a' }),
    await make({ tenant: 'a' }),
    await make({ tenant: 'b' })
  ]
  const operator = await make({ tenant: 'ops', scopes: ['operator'] })
  const infer = { model: 'sim', prompt: 'hello there', max_tokens: 5 }
  const send = async (secret: string, path: string, body: object) => {
    const response = await ask(`POST ${path}`, secret, body)
    await response.text()
    return response.status
  }
  const chat = { model: 'sim', messages: [{ role: 'user', content: 'hi' }], max_tokens: 3 }
  const statuses = [
    await send(a.secret, '/infer', infer),
    await send(a.secret, '/v1/chat/completions', { ...chat, stream: true }),
    await send(a.secret, '/infer', { ...infer, model: 'none' }),
    await send(sibling.secret, '/v1/embeddings', { model: 'vectors', input: ['one', 'two'] }),
    await send(b.secret, '/infer', infer),
    await send(operator.secret, '/infer', { ...infer, tenant_id: 'b' })
  ]
  assert.deepEqual(statuses, [200, 200, 404, 200, 200, 200])
  await usage.flush()

  const rows = async (secret: string, query: string) => {
    const response = await ask(`GET /v1/usage?${query}`, secret)
    assert.equal(response.status, 200, await response.clone().text())
    return ((await response.json()) as { rows: Row[] }).rows
  }
  /** Requests, failures and tokens of answers, of each key. */
  const sums = async (secret: string, query: string) =>
    Object.fromEntries(
      (await rows(secret, query)).map(({ key, requests, errors, completion_tokens: tokens }) => [
        key,
        [requests, errors, tokens]
      ])
    )
  assert.deepEqual(await sums(a.secret, 'group_by=model'), {
    unknown: [1, 1, 0],
    sim: [2, 0, 8],
    vectors: [1, 0, 0]
  })
  assert.deepEqual(await sums(a.secret, 'group_by=token'), {
    [a.token.id]: [3, 1, 8],
    [sibling.token.id]: [1, 0, 0]
  })
  const worker = mesh.meshes.find(({ role }) => role === 'worker')!.key
  assert.deepEqual(await sums(a.secret, 'group_by=worker'), {
    [worker]: [3, 0, 8],
    none: [1, 1, 0]
  })
  assert.deepEqual(await sums(b.secret, 'group_by=tenant'), { b: [2, 0, 10] })
  const ofAll = { a: [4, 1, 8], b: [2, 0, 10] }
  assert.deepEqual(await sums(operator.secret, 'group_by=tenant'), ofAll)
  assert.deepEqual(await sums(operator.secret, 'group_by=tenant&tenant=b'), { b: [2, 0, 10] })
  assert.deepEqual(await sums(a.secret, 'to=2020-01-01'), {})
  assert.deepEqual(await sums(a.secret, 'from=2020-01-01&to=2021-01-01'), {})
  assert.equal((await rows(a.secret, 'from=2020-01-01')).length, 3)
  await store.query("update requests set ended_at = '2026-11-19T23:30:00Z' where model = 'none'")
  await store.query("update requests set ended_at = '2026-11-20T00:30:00Z' where model <> 'none'")
  assert.deepEqual(await sums(a.secret, 'group_by=day'), {
    '2026-11-19': [1, 1, 0],
    '2026-11-20': [3, 0, 8]
  })
  assert.deepEqual(await sums(a.secret, 'group_by=day&from=2026-11-20&to=2026-11-21'), {
    '2026-11-20': [3, 0, 8]
  })
  const [vectors] = (await rows(sibling.secret, '')).filter(({ key }) => key === 'vectors')
  assert.ok(vectors!.prompt_tokens > 0)
  assert.equal((await ask('GET /v1/usage?tenant=b', a.secret)).status, 403)
  assert.equal((await ask('GET /v1/usage?group_by=colour', a.secret)).status, 400)
  await store.query("update requests set error_code = 'CANCELLED' where model = 'none'")
  const [stopped] = await rows(a.secret, 'group_by=day')
  assert.deepEqual([stopped!.errors, stopped!.stopped], [0, 1], 'to press stop is no failure')
  const csv = await (await ask('GET /v1/usage?group_by=tenant&format=csv', b.secret)).text()
  assert.match(
    csv,
    /^key,requests,errors,stopped,prompt_tokens,cached_prompt_tokens,completion_tokens\r\nb,2,0,0,\d+,\d+,10\r\n$/
  )
})
