/**
 * A statement with the certificate of the peer that has signed it, so that peers that are not
 * connected to it can tell who has said it, and in which role.
 */
import type { KeyPair } from 'hyperdht'
import type { Statement } from '#shared/contracts/peers/order.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { HaifError } from '#shared/errors.ts'
import { decodeCertificate, encodeCertificate } from './certificate-encoding.ts'
import type { Membership } from './membership.ts'
import { isSigned, signed, type StatementKind } from './signature.ts'

export function stated(
  kind: StatementKind,
  text: string,
  { membership, keyPair }: { membership: Membership; keyPair: KeyPair }
): Statement {
  return {
    text,
    certificate: encodeCertificate(membership.certificate).toString('base64'),
    signature: signed(kind, Buffer.from(text), keyPair).toString('base64')
  }
}

/** Returns the key of the peer that has said it; throws unless it may play that role now. */
export function speakerOf(
  kind: StatementKind,
  { text, certificate: encoded, signature }: Statement,
  role: PeerRole,
  membership: Membership
): string {
  const certificate = decodeCertificate(Buffer.from(encoded, 'base64'))
  membership.check(certificate, certificate.peer, role)
  const bytes = Buffer.from(text)
  if (!isSigned(kind, bytes, Buffer.from(signature, 'base64'), certificate.peer)) {
    throw new HaifError('WRONG_MESH', 'the statement was not signed by the peer that it names')
  }
  return certificate.peer.toString('hex')
}
