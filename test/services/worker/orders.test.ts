/** A worker obeys an operator's order once, and nobody else's ever. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import { speakerOf, stated } from '#shared/mesh/membership/statement.ts'
import { Orders } from '../../../services/worker/orders.ts'
import { memberOf } from '../../helpers/peers/member.ts'

const mesh = { secret: randomBytes(32) }
const own = memberOf(mesh, 'worker')
const key = own.keyPair.publicKey.toString('hex')

function ordersAt(now: () => number = () => 0) {
  const speaker = (...[kind, statement, role]: Parameters<OwnMesh['speakerOf']>) =>
    speakerOf(kind, statement, role, own.membership)
  return new Orders(() => ({ key, speakerOf: speaker }), now)
}
type OwnMesh = ReturnType<ConstructorParameters<typeof Orders>[0]>

function orderBy(role: PeerRole, nonce: string, changed: object = {}, of = mesh) {
  const order = { act: 'worker.drain', target: key, nonce, actor: 'op1', requestId: 'r1' }
  return stated('order', JSON.stringify({ ...order, ...changed }), memberOf(of, role))
}

test('an order of a gateway names the operator, and is obeyed once', () => {
  const orders = ordersAt()
  const order = orderBy('gateway', orders.challenge())
  assert.equal(orders.take(order, 'worker.drain').actor, 'op1')
  assert.throws(() => orders.take(order, 'worker.drain'), { message: /used before/ })
})

test('neither an orchestrator, nor a worker, nor the gateway of another mesh can give one', () => {
  const orders = ordersAt()
  for (const role of ['orchestrator', 'worker', 'registry', 'bridge', 'client', 'relay'] as const) {
    const order = orderBy(role, orders.challenge())
    assert.throws(() => orders.take(order, 'worker.drain'), { code: 'ROLE_NOT_ALLOWED' }, role)
  }
  const foreign = orderBy('gateway', orders.challenge(), {}, { secret: randomBytes(32) })
  assert.throws(() => orders.take(foreign, 'worker.drain'), { code: 'WRONG_MESH' })
})

test('an order that was changed, is for another worker, unasked for or late is not obeyed', () => {
  let now = 0
  const orders = ordersAt(() => now)
  const refused = (order: ReturnType<typeof orderBy>, message: RegExp) =>
    assert.throws(() => orders.take(order, 'worker.drain'), { message })
  const good = orderBy('gateway', orders.challenge())
  refused({ ...good, text: good.text.replace('op1', 'op2') }, /not signed by the peer/)
  const other = temporaryIdentity().publicKey.toString('hex')
  refused(orderBy('gateway', orders.challenge(), { target: other }), /it is for/)
  refused(orderBy('gateway', 'a nonce of nobody'), /used before, or came too late/)
  now = 60_001
  refused(good, /used before, or came too late/)
})
