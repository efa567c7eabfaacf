/** M5 to M8 of shared/mesh/membership/SPEC.md. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import DHT from 'hyperdht'
import { tellRevocations } from '#shared/contracts/peers/membership.ts'
import { certify, rootAuthority, type Authority } from '#shared/mesh/membership/authority.ts'
import { signIssuer } from '#shared/mesh/membership/certificate.ts'
import {
  assertNotRevoked,
  noRevocations,
  readRevocations,
  REVOKED_MAX,
  signRevocations,
  supersedes,
  united,
  type RevocationFacts
} from '#shared/mesh/membership/revocation.ts'

const NOW = Date.UTC(2026, 10, 28)
const root = rootAuthority(randomBytes(32))
const peer = DHT.keyPair().publicKey
const until = NOW + 1000

function newIssuer(notAfter = NOW + 1e9): Authority {
  const keyPair = DHT.keyPair()
  const facts = { key: keyPair.publicKey, roles: ['worker'], notBefore: NOW, notAfter } as const
  return { ...root, keyPair, issuer: signIssuer(root.keyPair, facts) }
}

function listOf(facts: Partial<RevocationFacts>, by: Authority = root) {
  return signRevocations(by, { ...noRevocations(root.mesh, 1), ...facts })
}

const serialOf = (authority: Authority) => authority.issuer!.serial.toString('hex')

test('M5: a list is read as it was signed, by the root or an issuer, and not when it was changed', () => {
  const peers = new Map([[peer.toString('hex'), until]])
  const serials = new Map([['ab'.repeat(16), until]])
  for (const by of [root, newIssuer()]) {
    const list = listOf({ seq: 7, epoch: 3, leastEpoch: 2, peers, serials }, by)
    assert.deepEqual(readRevocations(list.bytes, root.mesh, NOW), list)
    fc.assert(
      fc.property(fc.nat(list.bytes.length - 1), (at) => {
        const changed = Buffer.from(list.bytes)
        changed[at]! ^= 1
        assert.throws(() => readRevocations(changed, root.mesh, NOW))
      })
    )
  }
  const other = rootAuthority(randomBytes(32))
  const foreign = signRevocations(other, noRevocations(other.mesh, 1))
  assert.throws(() => readRevocations(foreign.bytes, root.mesh, NOW), { code: 'WRONG_MESH' })
})

test('M5: a list outlives its issuer on disk, and is not taken from others then', () => {
  const list = listOf({}, newIssuer(NOW + 1))
  const late = NOW + 1e6
  assert.deepEqual(readRevocations(list.bytes, root.mesh, null), list)
  assert.throws(() => readRevocations(list.bytes, root.mesh, late), { code: 'CERTIFICATE_EXPIRED' })
})

test('M6: revoked by its key, its serial, its issuer, or its epoch', () => {
  const issuer = newIssuer()
  const certificate = certify(issuer, { peer, roles: ['worker'], epoch: 2 }, NOW)
  assertNotRevoked(listOf({ epoch: 3, leastEpoch: 2 }), certificate)
  const ids = {
    peers: new Map([[peer.toString('hex'), until]]),
    serials: new Map([[certificate.serial.toString('hex'), until]])
  }
  const revoking = [
    { peers: ids.peers },
    { serials: ids.serials },
    { serials: new Map([[serialOf(issuer), until]]) }
  ]
  for (const facts of revoking) {
    assert.throws(() => assertNotRevoked(listOf(facts), certificate), { code: 'PEER_REVOKED' })
  }
  assert.throws(() => assertNotRevoked(listOf({ epoch: 3, leastEpoch: 3 }), certificate), {
    code: 'CERTIFICATE_EXPIRED'
  })
})

test('M7: the higher number counts, and of two with the same number everywhere the same one', () => {
  const [a, b] = [listOf({ seq: 4 }, newIssuer()), listOf({ seq: 5 }, newIssuer())]
  assert.equal(supersedes(b, a), true)
  assert.equal(supersedes(a, b), false)
  assert.equal(supersedes(a, a), false)
  assert.equal(supersedes(a, null), true)
  const twin = listOf({ seq: 4 }, newIssuer())
  assert.notEqual(supersedes(twin, a), supersedes(a, twin))
})

test('M7: an issuer that was revoked cannot take that back, however high it counts', () => {
  const thief = newIssuer()
  const forged = listOf({ seq: 2 ** 50 }, thief)
  const revoking = listOf({ seq: 9, serials: new Map([[serialOf(thief), until]]) })
  assert.equal(supersedes(forged, revoking), false)
  assert.equal(supersedes(revoking, forged), true)
})

test('M8: the list that follows two others revokes what either does, and drops what is over', () => {
  const facts = { ...noRevocations(root.mesh, 2) }
  const a = {
    ...facts,
    seq: 3,
    peers: new Map([
      ['aa', NOW + 5],
      ['old', NOW - 1]
    ])
  }
  const b = { ...facts, seq: 9, epoch: 4, serials: new Map([['bb', NOW + 5]]) }
  assert.deepEqual(united(a, b, NOW), {
    mesh: root.mesh,
    seq: 10,
    epoch: 4,
    leastEpoch: 2,
    peers: new Map([['aa', NOW + 5]]),
    serials: new Map([['bb', NOW + 5]])
  })
})

test('a list has a bound, for who signs and for who reads', () => {
  const many = (count: number) =>
    new Map(Array.from({ length: count }, () => [randomBytes(32).toString('hex'), until]))
  const serials = new Map([...many(REVOKED_MAX)].map(([id, end]) => [id.slice(0, 32), end]))
  const full = listOf({ peers: many(REVOKED_MAX), serials }, newIssuer())
  assert.ok(tellRevocations.request.Check({ list: full.bytes.toString('base64') }))
  assert.equal(readRevocations(full.bytes, root.mesh, NOW).peers.size, REVOKED_MAX)
  assert.throws(() => listOf({ peers: many(REVOKED_MAX + 1) }), { code: 'CONFIG_INVALID' })
})
