/** Refusals are in the audit, but only once a minute for each caller and action. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HaifError } from '#shared/errors.ts'
import {
  ANONYMOUS,
  capabilitiesOf,
  type Principal
} from '../../../../services/gateway/access/principal.ts'
import type { AuditEntry } from '../../../../services/gateway/audit/audit.ts'
import { RefusalAudit } from '../../../../services/gateway/audit/refusal-audit.ts'

const MINUTE = 60_000
const REMEMBERED_MAX = 1024

const principal = (actor: string, ...scopes: string[]): Principal => ({
  ...ANONYMOUS,
  actor,
  tokenId: actor,
  tenant: `tenant-of-${actor}`,
  scopes: capabilitiesOf(scopes)
})

function setUp() {
  const written: AuditEntry[] = []
  const clock = { now: 0 }
  const store = { isAway: false }
  const write = async (entry: AuditEntry) => {
    if (store.isAway) throw new HaifError('STORE_UNAVAILABLE', 'the database is away')
    written.push(entry)
  }
  const refusals = new RefusalAudit({ audit: { write } }, () => clock.now)
  const refused = (who: Principal, action: string, requestId = 'r') =>
    assert.rejects(refusals.assertOperator(who, action, requestId), { code: 'FORBIDDEN' })
  return { written, clock, store, refusals, refused }
}

test('a refusal is written with the caller, its tenant, the action and the request', async () => {
  const { written, refused } = setUp()
  await refused(principal('ann', 'infer'), 'token.create', 'request-1')
  assert.deepEqual(written, [
    {
      chain: 'tenant-of-ann',
      actor: 'ann',
      action: 'token.create',
      target: '',
      result: 'refused',
      requestId: 'request-1'
    }
  ])
})

test('nothing is written for a caller that may do it', async () => {
  const { written, refusals } = setUp()
  await refusals.assertOperator(principal('root', 'operator'), 'token.create', 'r')
  await refusals.assert(principal('ann', 'metrics'), 'metrics', 'metrics.read', 'r')
  await refusals.assert(principal('root', 'operator'), 'models:write', 'model.add', 'r')
  assert.deepEqual(written, [])
})

test('a caller without a token is nobody that the audit could name', async () => {
  const { written, refusals } = setUp()
  const asked = refusals.assertOperator(ANONYMOUS, 'token.create', 'r')
  await assert.rejects(asked, { code: 'UNAUTHENTICATED' })
  assert.deepEqual(written, [])
})

test('the same refusal is written once a minute, and refused each time', async () => {
  const { written, clock, refused } = setUp()
  const ann = principal('ann')
  for (const at of [0, 1, MINUTE - 1, MINUTE, 2 * MINUTE - 1, 2 * MINUTE]) {
    clock.now = at
    await refused(ann, 'token.create', `at ${at}`)
  }
  assert.deepEqual(
    written.map(({ requestId }) => requestId),
    ['at 0', `at ${MINUTE}`, `at ${2 * MINUTE}`]
  )
})

test('refusals of other callers and other actions do not keep each other quiet', async () => {
  const { written, refused } = setUp()
  for (const actor of ['ann', 'bob']) {
    for (const action of ['token.create', 'token.revoke']) await refused(principal(actor), action)
  }
  assert.deepEqual(
    written.map(({ actor, action }) => `${actor} ${action}`),
    ['ann token.create', 'ann token.revoke', 'bob token.create', 'bob token.revoke']
  )
})

test('whoever comes with many tokens is written more often, and takes no more memory', async () => {
  const { written, refused } = setUp()
  await refused(principal('ann'), 'token.create')
  for (let i = 0; i < REMEMBERED_MAX; i++) await refused(principal(`token-${i}`), 'token.create')
  assert.equal(written.length, REMEMBERED_MAX + 1)
  await refused(principal(`token-${REMEMBERED_MAX - 1}`), 'token.create')
  assert.equal(written.length, REMEMBERED_MAX + 1)
  await refused(principal('ann'), 'token.create') // the oldest one was forgotten
  assert.equal(written.length, REMEMBERED_MAX + 2)
})

test('a refusal that could not be written is written when it comes again', async () => {
  const { written, store, refusals, refused } = setUp()
  const ann = principal('ann')
  store.isAway = true
  await assert.rejects(refusals.assertOperator(ann, 'token.create', 'first'))
  store.isAway = false
  await refused(ann, 'token.create', 'second')
  assert.deepEqual(
    written.map(({ requestId }) => requestId),
    ['second']
  )
})

test('without a store there is no audit, and callers are refused all the same', async () => {
  const refusals = new RefusalAudit({ audit: null })
  const asked = refusals.assertOperator(principal('ann'), 'token.create', 'r')
  await assert.rejects(asked, { code: 'FORBIDDEN', details: { scope: 'operator' } })
})
