/** M6 and M7 of shared/mesh/membership/SPEC.md: who was removed is heard by nobody any more. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { Type } from 'typebox'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import type { MeshRoot } from '../../../helpers/peers/mesh-root.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { Membership } from '#shared/mesh/membership/membership.ts'
import type { RevocationList } from '#shared/mesh/membership/revocation.ts'
import { createContext } from '#shared/rpc/context.ts'
import { defineMethod } from '#shared/rpc/contract.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import { Router } from '#shared/rpc/router.ts'
import { ANYBODY } from '../../../helpers/peers/anybody.ts'
import { memberOf } from '../../../helpers/peers/member.ts'
import { recordingLogger } from '../../../helpers/peers/peer-log.ts'
import { dialRaw } from '../../../helpers/peers/peer-raw.ts'
import { atEnd, linkBetween, startDht, startPeer } from '../../../helpers/peers/peers.ts'
import { until } from '../../../helpers/until.ts'

const knock = defineMethod('test.knock', ANYBODY, Type.Object({}), Type.Object({}))
/** What the issue asks for. */
const HEARD_MS_MAX = 2000

/** Answers everybody, and counts how often it heard each. */
class Door {
  readonly heard = new Map<string, number>()
  readonly router = new Router().respond(knock, (_, { peer }) => {
    this.heard.set(peer.key, (this.heard.get(peer.key) ?? 0) + 1)
    return {}
  })
}

/** Calls on every link that there is, again and again, whatever it is told. */
function knockAlways(t: TestContext, mesh: Mesh): void {
  const tell = async (link: PeerLink) => {
    using context = createContext({ timeoutMs: 1000 })
    await link.call(knock, {}, context).catch(() => {})
  }
  const timer = setInterval(() => mesh.links().forEach((link) => void tell(link)), 10)
  t.after(() => clearInterval(timer))
}

async function start(t: TestContext, topicKey: MeshRoot, role: 'registry' | 'orchestrator') {
  const door = new Door()
  const kept: RevocationList[] = []
  const { keyPair, membership } = memberOf(topicKey, role)
  const { certificate, epochs } = membership
  const own = new Membership({
    credentials: { certificate, epochs },
    authority: membership.authority,
    keep: (what) => 'revocations' in what && kept.push(what.revocations)
  })
  const options = { role, keyPair, router: door.router, localSockets: true } as const
  const mesh = await startPeer(t, topicKey, { ...options, membership: own })
  const restart = async () => {
    await mesh.stop()
    const revocations = kept.at(-1)!
    const again = new Membership({ credentials: { certificate, epochs }, revocations })
    return startPeer(t, topicKey, { ...options, membership: again })
  }
  return { door, mesh, membership: own, kept, restart }
}

for (const localSockets of [true, false]) {
  const way = localSockets ? 'over a socket of the machine' : 'over the network'
  test(`a revoked worker is heard by nobody 2 s later, nor after a restart, ${way}`, async (t) => {
    const topicKey = await startDht(t)
    const registry = await start(t, topicKey, 'registry')
    const orchestrator = await start(t, topicKey, 'orchestrator')
    orchestrator.mesh.follow('registry')
    const { log, lines } = recordingLogger()
    const worker = await startPeer(t, topicKey, { role: 'worker', localSockets, log })
    const other = await startPeer(t, topicKey, { role: 'worker', localSockets })
    for (const mesh of [worker, other]) {
      mesh.follow('registry')
      mesh.follow('orchestrator')
      knockAlways(t, mesh)
    }
    const doors = [registry.door, orchestrator.door]
    const heard = (mesh: Mesh) => doors.map((door) => door.heard.get(mesh.key) ?? 0)
    await until(() => [...heard(worker), ...heard(other)].every((count) => count > 0))
    await linkBetween(orchestrator.mesh, registry.mesh)

    registry.membership.revoke({ peers: new Map([[worker.key, Date.now() + 1e9]]) })
    await new Promise((resolve) => setTimeout(resolve, HEARD_MS_MAX))
    const [before, othersBefore] = [heard(worker), heard(other)]
    await until(() => heard(other).every((count, i) => count > othersBefore[i]! + 20))
    assert.deepEqual(heard(worker), before)
    assert.deepEqual(worker.links(), [])
    assert.equal(orchestrator.kept.length, 1)
    assert.ok(lines.some(({ msg }) => /this machine was removed from the mesh/.test(String(msg))))

    await registry.mesh.stop()
    const again = await orchestrator.restart()
    await until(() => again.links('worker').length === 1)
    assert.deepEqual(heard(worker), before)
    assert.equal(again.link(worker.key), undefined)
  })
}

test('who is on the list is told so in the hello, and gets no answer in the Noise handshake', async (t) => {
  const topicKey = await startDht(t)
  const keyPair = temporaryIdentity()
  const { mesh, membership } = await start(t, topicKey, 'registry')
  const raw = await dialRaw(t, topicKey, Buffer.from(mesh.key, 'hex'))
  const key = raw.keyPair.publicKey.toString('hex')
  membership.revoke({ peers: new Map([[key, Date.now() + 1e9]]) })
  const { error } = await raw.hello(topicKey.secret)
  assert.equal(error?.code, 'PEER_REVOKED')

  membership.revoke({ peers: new Map([[keyPair.publicKey.toString('hex'), Date.now() + 1e9]]) })
  assert.equal(membership.revocations?.peers.size, 2)
  const dht = createDht(topicKey)
  atEnd(t, () => dht.destroy())
  const stream = dht.connect(Buffer.from(mesh.key, 'hex'), { keyPair })
  stream.on('error', () => {})
  assert.equal(await stream.opened, false)
})

test('a removed peer that has heard of no list ends its tries when it is refused', async (t) => {
  const topicKey = await startDht(t)
  const registry = await start(t, topicKey, 'registry')
  const keyPair = temporaryIdentity()
  const key = keyPair.publicKey.toString('hex')
  registry.membership.revoke({ peers: new Map([[key, Date.now() + 1e9]]) })
  const worker = await startPeer(t, topicKey, { role: 'worker', keyPair, localSockets: true })
  const removed = once(worker, 'removed')
  worker.follow('registry')
  const [error] = await removed
  assert.match(error.message, /^this machine was removed from the mesh/)
})

test('a peer that finds another one removed takes it for nothing that it has done', async (t) => {
  const topicKey = await startDht(t)
  const registry = await start(t, topicKey, 'registry')
  const { membership, keyPair } = memberOf(topicKey, 'worker')
  membership.revoke({ peers: new Map([[registry.mesh.key, Date.now() + 1e9]]) })
  const worker = await startPeer(t, topicKey, { role: 'worker', membership, keyPair })
  worker.on('removed', () => assert.fail('it is the registry that was removed'))
  worker.follow('registry')
  await until(() => worker.contact('registry').failures.length === 1)
  const [failure] = worker.contact('registry').failures
  assert.match(failure!.message, /^the peer was removed/)
})
