/** An orchestrator takes requests only under a permit of the gateway that sends them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SealedPermit } from '#shared/contracts/access/permit.ts'
import type { PermittedRequest } from '#shared/contracts/inference/request.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import { createContext } from '#shared/rpc/context.ts'
import { Permits } from '../../../../services/gateway/permits.ts'
import { PermitCheck } from '../../../../services/orchestrator/requests/permit-check.ts'
import { signedBy } from '../../../helpers/peers/signed-by.ts'
import { requestOf } from '../../../helpers/requests.ts'

const NOW = 1_790_000_000_000
const MINUTE_MS = 60_000
const GRANTED = { tenant: 'acme', usageId: 'u1', weight: 2, maxTokens: 16 }

const context = createContext({ requestId: 'r1', timeoutMs: 20_000 })
context[Symbol.dispose]()

/** A peer with a key pair of its own, and the permits that it writes. */
function gateway(now = NOW) {
  const keyPair = temporaryIdentity()
  const peer = { key: keyPair.publicKey.toString('hex'), role: 'gateway' }
  const permits = new Permits({ sign: signedBy(keyPair) }, () => now)
  const request = (granted: Parameters<Permits['write']>[0] = GRANTED): PermittedRequest => {
    const { asked, handling } = requestOf({ maxTokens: 16 })
    return { asked, handling, permit: permits.write(granted, context) }
  }
  return { peer, request }
}

const refuses = (request: PermittedRequest, caller: object, why: RegExp, now = NOW) =>
  assert.throws(
    () => new PermitCheck(() => now).inference(request, { requestId: 'r1', ...caller } as never),
    { code: 'FORBIDDEN', message: why }
  )

test('a permit says who is charged, for what share, and that it may have to wait', () => {
  const { peer, request } = gateway()
  const check = new PermitCheck(() => NOW)
  const taken = check.inference(request({ ...GRANTED, priority: 'batch' }), {
    peer,
    requestId: 'r1'
  })
  assert.deepEqual(taken.charge, { tenantId: 'acme', usageId: 'u1', weight: 2 })
  assert.equal(taken.handling.priority, 'batch')
})

test('the permit of another gateway is worth nothing, nor is one that was changed', () => {
  const one = gateway()
  const other = gateway()
  refuses(one.request(), { peer: other.peer }, /has not signed its key/)
  const request = one.request()
  const permit = request.permit.permit.replace('acme', 'evil')
  refuses({ ...request, permit: { ...request.permit, permit } }, { peer: one.peer }, /seal/)
  const key: SealedPermit['key'] = { ...request.permit.key, expiresAt: NOW + 10_000 * MINUTE_MS }
  refuses({ ...request, permit: { ...request.permit, key } }, { peer: one.peer }, /has not signed/)
})

test('a permit is for one request, for no more than it grants, and not for ever', () => {
  const { peer, request } = gateway()
  refuses(request(), { peer, requestId: 'r2' }, /it is for request r1/)
  refuses(request({ ...GRANTED, maxTokens: 15 }), { peer }, /allows 15 tokens and 16 are asked/)
  refuses(request(), { peer }, /ended 31\d s ago; compare the clocks/, NOW + 5.6 * MINUTE_MS)
})

test('a clock that is some minutes off stops nobody, and a key is renewed in time', () => {
  const { peer, request } = gateway(NOW - 4 * MINUTE_MS)
  const caller = { peer, requestId: 'r1' }
  assert.equal(new PermitCheck(() => NOW).inference(request(), caller).charge.tenantId, 'acme')
  let now = NOW
  const permits = new Permits({ sign: signedBy(temporaryIdentity()) }, () => now)
  const keys = new Set<string>()
  for (; now < NOW + 60 * MINUTE_MS; now += MINUTE_MS) {
    const { key } = permits.write(GRANTED, context)
    keys.add(key.secret)
    assert.ok(key.expiresAt >= now + 5 * MINUTE_MS)
  }
  assert.equal(keys.size, 12)
})
