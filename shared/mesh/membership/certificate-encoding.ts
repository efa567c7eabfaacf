/** A certificate as data, and its one encoding: varints, keys and signatures of fixed length. */
import c, { type State } from 'compact-encoding'
import { HaifError } from '#shared/errors.ts'
import { ROLES, type PeerRole } from '#shared/contracts/peers/role.ts'
import { SIGNATURE_BYTES } from './signature.ts'

const VERSION = 1
export const KEY_BYTES = 32
export const SERIAL_BYTES = 16
/** In UTF-8; with it a hello still fits into 512 bytes. */
export const NAME_BYTES_MAX = 63
/** A certificate with its issuer is at most this long. */
export const CERTIFICATE_BYTES_MAX = 384
/** Statement by the root: this key may sign certificates for these roles. */
export interface Issuer {
  key: Buffer
  roles: readonly PeerRole[]
  notBefore: number
  notAfter: number
  serial: Buffer
  signature: Buffer
}

export interface CertificateFacts {
  /** The root's public key. */
  mesh: Buffer
  /** The peer's public key. */
  peer: Buffer
  roles: readonly PeerRole[]
  /** What people call the peer; may be empty. */
  name: string
  /** Milliseconds since 1970, as all times here. */
  notBefore: number
  notAfter: number
  /** Random, so that issuers need not agree on a count. */
  serial: Buffer
  epoch: number
}

export interface Certificate extends CertificateFacts {
  /** Null: the root signed it. */
  issuer: Issuer | null
  signature: Buffer
}

export function encodeCertificate(certificate: Certificate): Buffer {
  return Buffer.from(c.encode(certificateCodec, certificate))
}

/** Throws WRONG_MESH for bytes that are no certificate: no peer of any mesh sends those. */
export function decodeCertificate(bytes: Uint8Array): Certificate {
  try {
    if (bytes.length > CERTIFICATE_BYTES_MAX) throw new RangeError('too long')
    const certificate = c.decode(certificateCodec, Buffer.from(bytes))
    // One certificate has one encoding: what follows it, or stands for the same, is refused.
    if (!encodeCertificate(certificate).equals(bytes)) throw new RangeError('not canonical')
    return certificate
  } catch (error) {
    throw new HaifError('WRONG_MESH', 'the certificate is malformed', { cause: error })
  }
}

const key = c.fixed(KEY_BYTES)
const serial = c.fixed(SERIAL_BYTES)
const signature = c.fixed(SIGNATURE_BYTES)

/** One bit for each role, in the order of ROLES. */
const rolesCodec = {
  preencode: (state: State) => c.uint8.preencode(state, 0),
  encode(state: State, roles: readonly PeerRole[]): void {
    c.uint8.encode(
      state,
      roles.reduce((bits, role) => bits | (1 << ROLES.indexOf(role)), 0)
    )
  },
  decode(state: State): PeerRole[] {
    const bits = c.uint8.decode(state)
    if (bits >= 1 << ROLES.length) throw new RangeError('unknown role')
    return ROLES.filter((_, i) => (bits & (1 << i)) !== 0)
  }
}

export const factsCodec = {
  preencode(state: State, facts: CertificateFacts): void {
    c.uint8.preencode(state, VERSION)
    key.preencode(state, facts.mesh)
    key.preencode(state, facts.peer)
    rolesCodec.preencode(state)
    c.string.preencode(state, facts.name)
    c.uint.preencode(state, facts.notBefore)
    c.uint.preencode(state, facts.notAfter)
    serial.preencode(state, facts.serial)
    c.uint.preencode(state, facts.epoch)
  },
  encode(state: State, facts: CertificateFacts): void {
    c.uint8.encode(state, VERSION)
    key.encode(state, facts.mesh)
    key.encode(state, facts.peer)
    rolesCodec.encode(state, facts.roles)
    c.string.encode(state, facts.name)
    c.uint.encode(state, facts.notBefore)
    c.uint.encode(state, facts.notAfter)
    serial.encode(state, facts.serial)
    c.uint.encode(state, facts.epoch)
  },
  decode(state: State): CertificateFacts {
    if (c.uint8.decode(state) !== VERSION) throw new RangeError('unknown version')
    return {
      mesh: bufferOf(key.decode(state)),
      peer: bufferOf(key.decode(state)),
      roles: rolesCodec.decode(state),
      name: c.string.decode(state),
      notBefore: c.uint.decode(state),
      notAfter: c.uint.decode(state),
      serial: bufferOf(serial.decode(state)),
      epoch: c.uint.decode(state)
    }
  }
}

/** The mesh is signed with the rest but not sent: the verifier knows it. */
export const issuerFactsCodec = {
  preencode(state: State, facts: Omit<Issuer, 'signature'> & { mesh?: Buffer }): void {
    if (facts.mesh !== undefined) key.preencode(state, facts.mesh)
    key.preencode(state, facts.key)
    rolesCodec.preencode(state)
    c.uint.preencode(state, facts.notBefore)
    c.uint.preencode(state, facts.notAfter)
    serial.preencode(state, facts.serial)
  },
  encode(state: State, facts: Omit<Issuer, 'signature'> & { mesh?: Buffer }): void {
    if (facts.mesh !== undefined) key.encode(state, facts.mesh)
    key.encode(state, facts.key)
    rolesCodec.encode(state, facts.roles)
    c.uint.encode(state, facts.notBefore)
    c.uint.encode(state, facts.notAfter)
    serial.encode(state, facts.serial)
  },
  decode(state: State): Omit<Issuer, 'signature'> {
    return {
      key: bufferOf(key.decode(state)),
      roles: rolesCodec.decode(state),
      notBefore: c.uint.decode(state),
      notAfter: c.uint.decode(state),
      serial: bufferOf(serial.decode(state))
    }
  }
}

/** An issuer or none, then the signature that it or the root made. */
export const signatureCodec = {
  preencode(state: State, { issuer, signature: by }: Pick<Certificate, 'issuer' | 'signature'>) {
    c.bool.preencode(state, issuer !== null)
    if (issuer !== null) {
      issuerFactsCodec.preencode(state, issuer)
      signature.preencode(state, issuer.signature)
    }
    signature.preencode(state, by)
  },
  encode(state: State, { issuer, signature: by }: Pick<Certificate, 'issuer' | 'signature'>) {
    c.bool.encode(state, issuer !== null)
    if (issuer !== null) {
      issuerFactsCodec.encode(state, issuer)
      signature.encode(state, issuer.signature)
    }
    signature.encode(state, by)
  },
  decode(state: State): Pick<Certificate, 'issuer' | 'signature'> {
    const issuer = c.bool.decode(state)
      ? { ...issuerFactsCodec.decode(state), signature: bufferOf(signature.decode(state)) }
      : null
    return { issuer, signature: bufferOf(signature.decode(state)) }
  }
}

const certificateCodec = {
  preencode(state: State, certificate: Certificate): void {
    factsCodec.preencode(state, certificate)
    signatureCodec.preencode(state, certificate)
  },
  encode(state: State, certificate: Certificate): void {
    factsCodec.encode(state, certificate)
    signatureCodec.encode(state, certificate)
  },
  decode(state: State): Certificate {
    return { ...factsCodec.decode(state), ...signatureCodec.decode(state) }
  }
}

/** A copy: what was decoded outlives the message that it came in. */
const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes)
