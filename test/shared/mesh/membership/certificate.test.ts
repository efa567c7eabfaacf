/** M1 to M4 of shared/mesh/membership/SPEC.md. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import DHT from 'hyperdht'
import type { ErrorCode } from '#shared/errors.ts'
import { ROLES, type PeerRole } from '#shared/contracts/peers/role.ts'
import {
  certify,
  CERTIFICATE_LIFE_MS,
  discoverySecretOf,
  rootAuthority,
  type Authority
} from '#shared/mesh/membership/authority.ts'
import {
  CLOCK_TOLERANCE_MS,
  signCertificate,
  signIssuer,
  verifyCertificate
} from '#shared/mesh/membership/certificate.ts'
import {
  CERTIFICATE_BYTES_MAX,
  decodeCertificate,
  encodeCertificate,
  type Certificate
} from '#shared/mesh/membership/certificate-encoding.ts'

const NOW = Date.UTC(2026, 10, 28)
const DAY_MS = 24 * 3600_000
const root = rootAuthority(randomBytes(32))
const peer = DHT.keyPair().publicKey

function issuerOf(roles: PeerRole[], notAfter = NOW + 30 * DAY_MS): Authority {
  const keyPair = DHT.keyPair()
  const facts = { key: keyPair.publicKey, roles, notBefore: NOW, notAfter }
  return { ...root, keyPair, issuer: signIssuer(root.keyPair, facts) }
}

function assertRefused(code: ErrorCode, certificate: Certificate, now = NOW, mesh = root.mesh) {
  assert.throws(() => verifyCertificate(certificate, mesh, now), { code })
}

const wish = { peer, roles: ['worker'], name: 'office-pc', epoch: 3 } as const

test('M1: a certificate of the root, or of an issuer for these roles, holds and is read as it was', () => {
  for (const authority of [root, issuerOf(['worker'])]) {
    const certificate = certify(authority, wish, NOW)
    verifyCertificate(certificate, root.mesh, NOW)
    assert.deepEqual(decodeCertificate(encodeCertificate(certificate)), certificate)
  }
})

test('M1: another mesh, another signer, another signature', () => {
  const other = rootAuthority(randomBytes(32))
  assertRefused('WRONG_MESH', certify(other, wish, NOW))
  assertRefused('WRONG_MESH', { ...certify(other, wish, NOW), mesh: root.mesh })
  const issuer = issuerOf(['worker'])
  const certificate = certify(issuer, wish, NOW)
  assertRefused('WRONG_MESH', { ...certificate, issuer: null })
  assertRefused('WRONG_MESH', { ...certificate, issuer: { ...issuer.issuer!, roles: [...ROLES] } })
  assertRefused(
    'WRONG_MESH',
    certify({ ...other, mesh: root.mesh, issuer: issuer.issuer }, wish, NOW)
  )
  assertRefused('ROLE_NOT_ALLOWED', certify(issuer, { ...wish, roles: ['gateway'] }, NOW))
})

test('M1: whatever is changed in a certificate, it is refused', () => {
  const bytes = encodeCertificate(certify(issuerOf(['worker']), wish, NOW))
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(bytes)
      changed[at]! ^= flip
      assert.throws(() => verifyCertificate(decodeCertificate(changed), root.mesh, NOW))
    })
  )
  assert.throws(() => decodeCertificate(Buffer.concat([bytes, Buffer.from([0])])))
  assert.throws(() => decodeCertificate(bytes.subarray(0, -1)))
  assert.throws(() => decodeCertificate(randomBytes(CERTIFICATE_BYTES_MAX + 1)))
})

test('M2: it begins and ends, give or take five minutes, and so does its issuer', () => {
  const certificate = certify(root, wish, NOW)
  const { notBefore, notAfter } = certificate
  verifyCertificate(certificate, root.mesh, notAfter + CLOCK_TOLERANCE_MS)
  assertRefused('CERTIFICATE_EXPIRED', certificate, notAfter + CLOCK_TOLERANCE_MS + 1)
  verifyCertificate(certificate, root.mesh, notBefore - CLOCK_TOLERANCE_MS)
  assertRefused('CERTIFICATE_NOT_YET_VALID', certificate, notBefore - CLOCK_TOLERANCE_MS - 1)
  const issuer = issuerOf(['worker'], NOW + DAY_MS)
  const short = certify(issuer, wish, NOW)
  assert.equal(short.notAfter, NOW + DAY_MS)
  const long = signCertificate(issuer, { ...short, notAfter: NOW + 9 * DAY_MS })
  assertRefused('CERTIFICATE_EXPIRED', long, NOW + 2 * DAY_MS)
  assert.equal(certificate.notAfter, NOW + CERTIFICATE_LIFE_MS)
})

test('M3: the longest certificate is within its bound, and a longer name is refused', () => {
  const longest = { peer, roles: ROLES, name: 'n'.repeat(63), epoch: 2 ** 53 - 1 }
  const bytes = encodeCertificate(certify(issuerOf([...ROLES]), longest, NOW))
  assert.ok(bytes.length <= CERTIFICATE_BYTES_MAX, String(bytes.length))
  assert.throws(() => certify(root, { ...longest, name: 'é'.repeat(32) }, NOW), {
    code: 'CONFIG_INVALID'
  })
})

test('M4: authorities agree on the discovery secret of an epoch, and no two are alike', () => {
  const again = rootAuthority(Buffer.from(root.keyPair.secretKey.subarray(0, 32)))
  assert.deepEqual(discoverySecretOf(again, 7), discoverySecretOf(root, 7))
  assert.notDeepEqual(discoverySecretOf(root, 7), discoverySecretOf(root, 8))
})
