/** What requests have used, as their tenants and operators read it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGuardedMesh } from '../helpers/guarded-mesh.ts'

interface Row {
  key: string
  requests: number
  errors: number
  prompt_tokens: number
  cached_prompt_tokens: number
  completion_tokens: number
}

test('usage is read by model, token, worker, day and tenant, and only of one’s own', async (t) => {
  const { mesh, usage, ask, make } = await startGuardedMesh(t)
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
  const brief = async (secret: string, query: string) =>
    (await rows(secret, query)).map((row) => [
      row.key,
      row.requests,
      row.errors,
      row.completion_tokens
    ])
  assert.deepEqual((await brief(a.secret, 'group_by=model')).toSorted(), [
    ['none', 1, 1, 0],
    ['sim', 2, 0, 8],
    ['vectors', 1, 0, 0]
  ])
  assert.deepEqual(
    (await brief(a.secret, 'group_by=token')).toSorted(),
    [
      [a.token.id, 3, 1, 8],
      [sibling.token.id, 1, 0, 0]
    ].toSorted()
  )
  const worker = mesh.meshes.find(({ role }) => role === 'worker')!.key
  assert.deepEqual(
    (await brief(a.secret, 'group_by=worker')).toSorted(),
    [
      [worker, 3, 0, 8],
      ['none', 1, 1, 0]
    ].toSorted()
  )
  const today = new Date().toISOString().slice(0, 10)
  const days = await brief(a.secret, 'group_by=day')
  assert.deepEqual(days.at(-1)?.slice(1), [4, 1, 8])
  assert.ok(
    days.length === 1 && Math.abs(Date.parse(String(days[0]![0])) - Date.parse(today)) <= 86_400_000
  )
  assert.deepEqual(await brief(b.secret, 'group_by=tenant'), [['b', 2, 0, 10]])
  assert.deepEqual((await brief(operator.secret, 'group_by=tenant')).toSorted(), [
    ['a', 4, 1, 8],
    ['b', 2, 0, 10]
  ])
  assert.deepEqual(await brief(operator.secret, 'group_by=tenant&tenant=b'), [['b', 2, 0, 10]])
  assert.deepEqual(await brief(a.secret, 'to=2020-01-01'), [])
  assert.deepEqual(await brief(a.secret, 'from=2020-01-01&to=2021-01-01'), [])
  assert.equal((await rows(a.secret, 'from=2020-01-01')).length, 3)
  const [vectors] = (await rows(sibling.secret, '')).filter(({ key }) => key === 'vectors')
  assert.ok(vectors!.prompt_tokens > 0)
  assert.equal((await ask('GET /v1/usage?tenant=b', a.secret)).status, 403)
  assert.equal((await ask('GET /v1/usage?group_by=colour', a.secret)).status, 400)
  const csv = await (await ask('GET /v1/usage?group_by=tenant&format=csv', b.secret)).text()
  assert.match(
    csv,
    /^key,requests,errors,prompt_tokens,cached_prompt_tokens,completion_tokens\r\nb,2,0,\d+,\d+,10\r\n$/
  )
})
