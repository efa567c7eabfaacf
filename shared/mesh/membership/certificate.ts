/**
 * A certificate says that a peer's key may play some roles in a mesh, until a date (SPEC.md).
 *
 * It is signed by the root key of the mesh, or by an issuer whose own key the root has certified:
 * so the root can stay offline. All of this is pure: the time is passed in.
 */
import { randomBytes } from 'node:crypto'
import c from 'compact-encoding'
import type { KeyPair } from 'hyperdht'
import { HaifError } from '#shared/errors.ts'
import {
  factsCodec,
  issuerFactsCodec,
  NAME_BYTES_MAX,
  SERIAL_BYTES,
  type Certificate,
  type CertificateFacts,
  type Issuer
} from './certificate-encoding.ts'
import { isSigned, signed } from './signature.ts'

/** Clocks of two machines of a mesh may differ by this much. */
export const CLOCK_TOLERANCE_MS = 5 * 60_000

/** The signing half of a mesh: its root, or an issuer that the root has certified. */
export interface Signer {
  mesh: Buffer
  keyPair: KeyPair
  issuer: Issuer | null
}

export function signCertificate(signer: Signer, facts: CertificateFacts): Certificate {
  if (Buffer.byteLength(facts.name) > NAME_BYTES_MAX) {
    throw new HaifError('CONFIG_INVALID', `a peer's name has at most ${NAME_BYTES_MAX} bytes`)
  }
  const signature = signed('certificate', c.encode(factsCodec, facts), signer.keyPair)
  return { ...facts, issuer: signer.issuer, signature }
}

/** The root makes an issuer of another key. */
export function signIssuer(
  root: KeyPair,
  facts: Pick<Issuer, 'key' | 'roles' | 'notBefore' | 'notAfter'>
): Issuer {
  const whole = { ...facts, serial: randomBytes(SERIAL_BYTES) }
  const bytes = c.encode(issuerFactsCodec, { mesh: root.publicKey, ...whole })
  return { ...whole, signature: signed('issuer', bytes, root) }
}

/**
 * Throws unless the root or one of its issuers has signed the certificate for this mesh and it
 * holds now. What has been revoked is for the caller to know.
 */
export function verifyCertificate(certificate: Certificate, mesh: Buffer, now: number): void {
  if (!certificate.mesh.equals(mesh)) throw otherMesh()
  verifySignature('certificate', c.encode(factsCodec, certificate), certificate, mesh, now)
  const { issuer, roles } = certificate
  const beyond = roles.find((role) => issuer !== null && !issuer.roles.includes(role))
  if (beyond !== undefined) {
    throw new HaifError('ROLE_NOT_ALLOWED', `its issuer may not certify a ${beyond}`)
  }
  assertHolds(certificate, now)
}

/**
 * Throws unless the bytes were signed by the root, or by an issuer that the root has certified.
 * `now` null: also by an issuer whose time is over.
 */
export function verifySignature(
  kind: 'certificate' | 'revocations',
  bytes: Uint8Array,
  { issuer, signature }: { issuer: Issuer | null; signature: Buffer },
  mesh: Buffer,
  now: number | null
): void {
  if (issuer !== null) {
    const issuerBytes = c.encode(issuerFactsCodec, { mesh, ...issuer })
    if (!isSigned('issuer', issuerBytes, issuer.signature, mesh)) throw otherMesh()
    if (now !== null) assertHolds(issuer, now)
  }
  if (!isSigned(kind, bytes, signature, issuer === null ? mesh : issuer.key)) throw otherMesh()
}

function otherMesh(): HaifError {
  return new HaifError(
    'WRONG_MESH',
    'the peer is not certified for this mesh; join with an invite to this mesh'
  )
}

/**
 * Both ends of the time have the tolerance, because either clock may be wrong. Whoever is refused
 * is told the time here, and can compare.
 */
export function assertHolds(times: { notBefore: number; notAfter: number }, now: number): void {
  const { notBefore, notAfter } = times
  if (now > notAfter + CLOCK_TOLERANCE_MS) {
    throw new HaifError(
      'CERTIFICATE_EXPIRED',
      `the certificate ended at ${timeOf(notAfter)} and it is ${timeOf(now)} here: if that is ` +
        'right, join with a new invite, else set the clock',
      { details: { now } }
    )
  }
  if (now < notBefore - CLOCK_TOLERANCE_MS) {
    throw new HaifError(
      'CERTIFICATE_NOT_YET_VALID',
      `the certificate begins at ${timeOf(notBefore)} and it is ${timeOf(now)} here: ` +
        'set the clocks of both machines',
      { details: { now } }
    )
  }
}

function timeOf(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.valueOf()) ? String(ms) : date.toISOString()
}
