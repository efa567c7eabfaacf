/** M9 of shared/mesh/membership/SPEC.md: who stays goes on by itself. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import type { MeshRoot } from '../../../helpers/peers/mesh-root.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import {
  CERTIFICATE_LIFE_MS,
  RENEW_AFTER_MS,
  rootAuthority
} from '#shared/mesh/membership/authority.ts'
import { isMember } from '#shared/mesh/connection/member-identity.ts'
import { credentialsBy, Membership } from '#shared/mesh/membership/membership.ts'
import type { MeshOptions } from '#shared/mesh/mesh.ts'
import { recordingLogger } from '../../../helpers/peers/peer-log.ts'
import { linkBetween, startDht, startPeer } from '../../../helpers/peers/peers.ts'
import { until } from '../../../helpers/until.ts'

/** A peer that only a registry can certify again; `ageMs` ago it was certified. */
async function start(
  t: TestContext,
  topicKey: MeshRoot,
  role: PeerRole,
  { ageMs = 0, clock = { ahead: 0 }, ...more }: StartOptions = {}
) {
  const authority = rootAuthority(topicKey.secret)
  const keyPair = temporaryIdentity()
  const wish = { peer: keyPair.publicKey, roles: [role], name: 'office-pc' }
  const membership = new Membership({
    credentials: credentialsBy(authority, wish, null, Date.now() - ageMs),
    authority: role === 'registry' ? authority : null,
    now: () => Date.now() + clock.ahead
  })
  const mesh = await startPeer(t, topicKey, { role, keyPair, membership, ...more })
  return { mesh, membership }
}

interface StartOptions extends Partial<MeshOptions> {
  ageMs?: number
  clock?: { ahead: number }
}

test('an old certificate is renewed over the link, which goes on; others see the new one', async (t) => {
  const topicKey = await startDht(t)
  const orchestrator = await start(t, topicKey, 'orchestrator')
  const worker = await start(t, topicKey, 'worker', { ageMs: RENEW_AFTER_MS + 1000 })
  const old = worker.membership.certificate
  worker.mesh.follow('orchestrator')
  await linkBetween(worker.mesh, orchestrator.mesh)
  const links: unknown[] = []
  worker.mesh.on('lost', (link) => links.push(link))

  const registry = await start(t, topicKey, 'registry')
  worker.mesh.follow('registry')
  await until(() => worker.membership.certificate !== old)
  const { certificate } = worker.membership
  assert.ok(certificate.notAfter > old.notAfter)
  assert.deepEqual([certificate.name, certificate.roles], ['office-pc', ['worker']])
  for (const { mesh } of [orchestrator, registry]) {
    const { peer } = await linkBetween(mesh, worker.mesh)
    await until(() => isMember(peer) && peer.certificate.serial.equals(certificate.serial))
  }
  assert.deepEqual(links, [])
})

test('the registry decides what a renewed certificate says, or that there is none', async (t) => {
  const topicKey = await startDht(t)
  const asked: string[] = []
  const registry = await start(t, topicKey, 'registry', {
    renews({ key, certificate: { roles } }) {
      asked.push(key)
      if (key === removed.mesh.key) throw new Error('unknown to the store')
      return { roles, name: 'renamed' }
    }
  })
  const old = { ageMs: RENEW_AFTER_MS + 1000 }
  const removed = await start(t, topicKey, 'worker', old)
  const renamed = await start(t, topicKey, 'worker', old)
  for (const { mesh } of [removed, renamed]) mesh.follow('registry')
  await until(() => renamed.membership.certificate.name === 'renamed')
  await until(() => asked.includes(removed.mesh.key))
  assert.equal(removed.membership.certificate.name, 'office-pc')
  assert.equal(registry.mesh.links('worker').length, 2)
})

test('a new epoch reaches those who stay, over links that go on; who stayed away is out', async (t) => {
  const topicKey = await startDht(t)
  const { log, lines } = recordingLogger()
  const registry = await start(t, topicKey, 'registry')
  const gateway = await start(t, topicKey, 'gateway', { log })
  const away = await start(t, topicKey, 'bridge')
  gateway.mesh.follow('registry')
  const link = await linkBetween(gateway.mesh, registry.mesh)

  registry.membership.revoke({ epoch: 2, leastEpoch: 1 })
  await until(() => gateway.membership.certificate.epoch === 2)
  assert.deepEqual(
    gateway.membership.epochs.map(({ number }) => number),
    [2, 1]
  )
  // While both epochs are in use, peers of either find each other.
  const old = await start(t, topicKey, 'bridge')
  old.mesh.follow('gateway')
  await linkBetween(gateway.mesh, old.mesh)

  registry.membership.revoke({ epoch: 2, leastEpoch: 2 })
  await until(() => gateway.mesh.link(old.mesh.key) === undefined)
  await until(() => lines.some(({ code }) => code === 'CERTIFICATE_EXPIRED'))
  assert.equal(link.isClosed, false)
  away.mesh.follow('gateway')
  const late = await start(t, topicKey, 'bridge')
  const { certificate } = late.membership
  late.membership.renew(registry.membership.certify(certificate.peer, certificate))
  late.mesh.follow('gateway')
  await linkBetween(late.mesh, gateway.mesh)
  assert.equal(away.mesh.links().length, 0)
})

test('a mesh goes on for eight days without a registry, and not with a peer that is longer away', async (t) => {
  const topicKey = await startDht(t)
  const clock = { ahead: 0 }
  const gateway = await start(t, topicKey, 'gateway', { clock })
  const bridge = await start(t, topicKey, 'bridge', { clock, ageMs: RENEW_AFTER_MS })
  clock.ahead = CERTIFICATE_LIFE_MS - RENEW_AFTER_MS
  bridge.mesh.follow('gateway')
  await linkBetween(bridge.mesh, gateway.mesh)
  clock.ahead += 24 * 3600_000
  const late = await start(t, topicKey, 'bridge', { clock, ageMs: RENEW_AFTER_MS })
  const { log, lines } = recordingLogger()
  const told = await start(t, topicKey, 'bridge', { clock, ageMs: RENEW_AFTER_MS, log })
  for (const { mesh } of [late, told]) mesh.follow('gateway')
  await until(() => lines.length > 0)
  assert.equal(lines[0]?.['code'], 'CERTIFICATE_EXPIRED')
})
