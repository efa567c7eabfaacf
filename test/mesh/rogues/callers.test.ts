/**
 * What callers and workers say of a request does not change what it costs: the rest of an answer
 * (F11), the operator's order in the audit, and receipts that agree with the books.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { InferenceItem } from '#shared/contracts/inference/answer.ts'
import { drainWorker } from '#shared/contracts/access/access.ts'
import { gatewayInfer } from '#shared/contracts/inference/methods.ts'
import { toHaifError } from '#shared/errors.ts'
import { createContext } from '#shared/rpc/context.ts'
import { findDisagreements } from '../../../services/gateway/usage/verify-usage.ts'
import { startGuardedMesh } from '../../helpers/mesh/guarded-mesh.ts'
import { Shared, startPeer } from '../../helpers/peers/peers.ts'
import { requestOf, type FlatRequest } from '../../helpers/requests.ts'
import { until } from '../../helpers/until.ts'

const shared = new Shared()
after(() => shared.end())
const guarded = shared.once((scope) => startGuardedMesh(scope))

/** A member that asks the gateway itself, as its own bridge would. */
const asking = shared.once(async (scope) => {
  const { mesh } = await guarded()
  const peer = await startPeer(scope, mesh.topicKey, { role: 'bridge' })
  peer.follow('gateway')
  await until(() => peer.links('gateway').length > 0)
  return peer.links('gateway')[0]!
})

async function ask(token: string, fields: FlatRequest) {
  const link = await asking()
  using context = createContext({ timeoutMs: 20_000, shows: { token } })
  const request = requestOf({ model: 'sim', maxTokens: 8, ...fields })
  const items: InferenceItem[] = []
  try {
    const stream = link.stream(gatewayInfer, request, context)
    for (;;) {
      const { done, value } = await stream.next()
      if (done === true) return { code: 'OK', items }
      items.push(value)
    }
  } catch (error) {
    return { code: toHaifError(error).code, items }
  }
}

test('whoever says that it wants the rest of an answer is counted like everybody else', async () => {
  const { make, store, usage } = await guarded()
  const { secret } = await make({ tenant: 'lim', limits: { requestsPerMinute: 2 } })
  const sent = { tokenIds: [], text: '' }
  const codes: string[] = []
  for (let i = 0; i < 4; i++) {
    codes.push(
      (await ask(secret, { sent, usageId: 'same-id', ticket: `same-id.zzzzzz.${i}` })).code
    )
  }
  assert.deepEqual(codes, ['OK', 'OK', 'RATE_LIMITED', 'RATE_LIMITED'])
  await usage.flush()
  const rows = await store.query(`select 1 from requests where tenant_id = 'lim'`)
  assert.equal(rows.length, 2, 'both are in the books, whatever id they name')
})

test('a real rest is no new request, for its owner, a few times, and is in the books', async () => {
  const { make, store, usage } = await guarded()
  const { secret } = await make({ tenant: 'rest', limits: { requestsPerMinute: 1 } })
  const { secret: other } = await make({ tenant: 'thief', limits: { requestsPerMinute: 1 } })
  const { items } = await ask(secret, {})
  const ticket = items.find((item) => item.ticket !== undefined)!.ticket!
  const sent = { tokenIds: [], text: '' }
  assert.equal((await ask(other, { sent, ticket })).code, 'OK')
  assert.equal((await ask(other, { sent, ticket })).code, 'RATE_LIMITED')
  const codes: string[] = []
  for (let i = 0; i < 5; i++) codes.push((await ask(secret, { sent, ticket })).code)
  assert.deepEqual(codes, ['OK', 'OK', 'OK', 'RATE_LIMITED', 'RATE_LIMITED'])
  await usage.flush()
  const rows = await store.query<{ continues: string | null }>(
    `select continues from requests where tenant_id = 'rest'`
  )
  assert.equal(rows.length, 4)
  assert.equal(rows.filter(({ continues }) => continues !== null).length, 3)
})

test('the order of an operator is in the audit, with who gave it, to whom, and its signature', async () => {
  const { mesh, make, access, ask: http, token } = await guarded()
  const { token: entry, secret } = await make({ tenant: 'ops', scopes: ['operator'] })
  const { key } = await mesh.addSimWorker({ name: 'leaves' })
  const link = await asking()
  const drain = async (shown: string) => {
    using context = createContext({
      requestId: 'drain-1',
      timeoutMs: 20_000,
      shows: { token: shown }
    })
    return await link.call(drainWorker, { worker: key.slice(0, 12) }, context)
  }
  await assert.rejects(drain(await token('acme')), { code: 'FORBIDDEN' })
  await until(() =>
    drain(secret).then(
      () => true,
      () => false
    )
  ) // once it has linked
  const { events } = await access.stored.audit.list({ action: 'worker.drain', result: 'ok' })
  const [event] = events
  assert.deepEqual([event!.actor, event!.target, event!.requestId], [entry.id, key, 'drain-1'])
  assert.match(String(event!.details['signature']), /^[A-Za-z0-9+/]{86}==$/)
  assert.deepEqual((await access.stored.audit.verify()).problems, [])
  assert.equal((await http('GET /healthz')).status, 200)
})

test('books and receipts agree, and every change of the books is named', async () => {
  const { store, usage, ask: http, token } = await guarded()
  const secret = await token('audited')
  for (let i = 0; i < 3; i++) {
    const body = { model: 'sim', prompt: `p${i}`, max_tokens: 4 }
    assert.equal((await http('POST /infer', secret, body)).status, 200)
  }
  const vectors = { model: 'vectors', input: 'hi' }
  assert.equal((await http('POST /v1/embeddings', secret, vectors)).status, 200)
  await usage.flush()
  const before = await findDisagreements(store, {})
  assert.deepEqual(before.problems, [])
  assert.ok(before.rows >= 4 && before.receipts === before.rows)

  const ids = await store.query<{ usage_id: string }>(
    `select usage_id from requests where tenant_id = 'audited' and kind = 'infer' order by usage_id`
  )
  const [one, two, three] = ids.map(({ usage_id: id }) => id)
  const change = (what: string, id: string) =>
    store.query(`update requests set ${what} where usage_id = $1`, [id])
  await change('completion_tokens = completion_tokens - 1', one!)
  await change(`receipts = jsonb_set(receipts, '{0,signature}', '"AAAA"')`, two!)
  await change(`receipts = (select receipts from requests where usage_id = '${one!}')`, three!)
  const { problems } = await findDisagreements(store, {})
  const of = (id: string) => problems.filter(({ usageId }) => usageId === id).map((p) => p.problem)
  assert.match(of(one!).join('\n'), /says completion tokens 3, and the receipt 4[^]*of another row/)
  assert.match(of(two!).join('\n'), /the worker it names has not signed/)
  assert.match(of(three!).join('\n'), /says request .*, and the receipt[^]*of another row/)
  await change('completion_tokens = completion_tokens + 1', one!)
  await change(`receipts = '[]'`, three!)
  assert.match(
    (await findDisagreements(store, {})).problems.map(({ problem }) => problem).join('\n'),
    /has no receipt of its worker/
  )
})
