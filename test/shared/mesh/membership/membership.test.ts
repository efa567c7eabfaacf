/** M2, M6 and M9 of shared/mesh/membership/SPEC.md. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import DHT from 'hyperdht'
import {
  CERTIFICATE_LIFE_MS,
  RENEW_AFTER_MS,
  rootAuthority
} from '#shared/mesh/membership/authority.ts'
import type { Credentials } from '#shared/mesh/membership/credentials.ts'
import { credentialsBy, Membership } from '#shared/mesh/membership/membership.ts'
import {
  noRevocations,
  signRevocations,
  type RevocationFacts,
  type RevocationList
} from '#shared/mesh/membership/revocation.ts'

const START = Date.UTC(2026, 10, 28)
const root = rootAuthority(randomBytes(32))
const listOf = (facts: Partial<RevocationFacts>) =>
  signRevocations(root, { ...noRevocations(root.mesh, 1), ...facts })

function memberAt(clock: { now: number }) {
  const peer = DHT.keyPair().publicKey
  const wish = { peer, roles: ['worker'] } as const
  const kept: ({ credentials: Credentials } | { revocations: RevocationList })[] = []
  const membership = new Membership({
    credentials: credentialsBy(root, wish, null, clock.now),
    authority: root,
    keep: (what) => kept.push(what),
    now: () => clock.now
  })
  return { peer, membership, kept }
}

test('M6: a list counts from the moment it is learned, and is kept', () => {
  const clock = { now: START }
  const [one, other] = [memberAt(clock), memberAt(clock)]
  const { certificate } = other.membership
  one.membership.check(certificate, other.peer, 'worker')
  const list = listOf({ seq: 1, peers: new Map([[other.peer.toString('hex'), START + 1]]) })
  assert.equal(one.membership.learn(list.bytes), true)
  assert.equal(one.membership.learn(list.bytes), false)
  assert.equal(one.membership.learn(listOf({ seq: 0 }).bytes), false)
  assert.equal(one.membership.isRevoked(other.peer.toString('hex')), true)
  assert.throws(() => one.membership.check(certificate, other.peer, 'worker'), {
    code: 'PEER_REVOKED'
  })
  assert.deepEqual(one.kept, [{ revocations: list }])
})

test('M1: a certificate is worth nothing for another key or another role', () => {
  const clock = { now: START }
  const [one, other] = [memberAt(clock), memberAt(clock)]
  const { certificate } = other.membership
  assert.throws(() => one.membership.check(certificate, one.peer, 'worker'), { code: 'WRONG_MESH' })
  assert.throws(() => one.membership.check(certificate, other.peer, 'gateway'), {
    code: 'ROLE_NOT_ALLOWED'
  })
})

test('M9: it is renewed when it is old, and when the mesh is in a new epoch', () => {
  const clock = { now: START }
  const { membership, kept } = memberAt(clock)
  assert.equal(membership.isRenewalDue(RENEW_AFTER_MS), false)
  clock.now += RENEW_AFTER_MS + 1
  assert.equal(membership.isRenewalDue(RENEW_AFTER_MS), true)
  membership.renewItself()
  assert.equal(membership.isRenewalDue(RENEW_AFTER_MS), false)
  assert.equal(membership.certificate.notAfter, clock.now + CERTIFICATE_LIFE_MS)
  assert.equal(kept.length, 1)

  const { discoverySecret: old } = membership.epochs[0]!
  membership.adopt(listOf({ seq: 1, epoch: 2, leastEpoch: 1 }))
  assert.equal(membership.isRenewalDue(RENEW_AFTER_MS), true)
  membership.renewItself()
  assert.deepEqual(
    membership.epochs.map(({ number }) => number),
    [2, 1]
  )
  assert.deepEqual(membership.epochs[1]!.discoverySecret, old)
  membership.adopt(listOf({ seq: 2, epoch: 2, leastEpoch: 2 }))
  assert.deepEqual(
    membership.epochs.map(({ number }) => number),
    [2]
  )
})

test('M9: a renewed certificate of another key or another mesh is not taken', () => {
  const clock = { now: START }
  const { membership } = memberAt(clock)
  const before = membership.certificate
  const stranger = rootAuthority(randomBytes(32))
  const wish = { peer: before.peer, roles: ['worker'] } as const
  for (const credentials of [
    membership.certify(DHT.keyPair().publicKey, before),
    credentialsBy(stranger, wish, null, START)
  ]) {
    assert.throws(() => membership.renew(credentials), { code: 'WRONG_MESH' })
  }
  assert.equal(membership.certificate, before)
})
