/**
 * The hello: both ends show who certified them, and say what they are, before any other message is
 * looked at (membership/SPEC.md).
 *
 * The certificate is for the Noise key of this connection, and the signature is over its handshake
 * hash and the side that gives it, so a hello can be neither copied, replayed nor reflected. A
 * guest, who has no certificate yet, names an invite instead.
 */
import c, { type State } from 'compact-encoding'
import type { KeyPair, NoiseSecretStream } from 'hyperdht'
import { HaifError } from '#shared/errors.ts'
import { fromWireError, type WireError } from '#shared/rpc/wire-error.ts'
import { ROLES, type PeerRole } from '#shared/contracts/peers/role.ts'
import {
  CERTIFICATE_BYTES_MAX,
  decodeCertificate,
  encodeCertificate,
  type Certificate
} from '../membership/certificate-encoding.ts'
import type { Membership } from '../membership/membership.ts'
import { PROCESS_ID_BYTES } from './twins.ts'
import { isSigned, signed, SIGNATURE_BYTES } from '../membership/signature.ts'

/** Raised when an older peer could not take part any more. */
export const PROTOCOL_VERSION = 5
/** From the open connection to the answered hello, and for each side of it. */
export const HELLO_MS_MAX = 3000
/** A hello, and its answer, are never longer. */
export const HELLO_BYTES_MAX = 512
export const HELLO_METHOD = 'haif/hello'
/** How peers before version 5 say hello, in JSON: they are told why that is over. */
export const OLD_HELLO_METHOD = 'hello'
/** Tells the answering side that its hello was accepted, so that it may call now. */
export const READY_EVENT = 'ready'
/** An invite's name; who holds the invite is proven when it is redeemed. */
export const INVITE_ID_BYTES = 16

export interface HelloFacts {
  membership: Membership
  /** Random, for as long as this process is up. */
  processId: Buffer
  keyPair: KeyPair
  role: PeerRole
}

export type Hello =
  | MemberHello
  | { kind: 'guest'; version: number; inviteId: Buffer; signature: Buffer }

interface MemberHello {
  kind: 'member'
  version: number
  role: PeerRole
  processId: Buffer
  certificate: Certificate
  signature: Buffer
}

export function makeHello(facts: HelloFacts, stream: NoiseSecretStream): Buffer {
  const { membership, keyPair, role, processId } = facts
  const { certificate } = membership
  const version = PROTOCOL_VERSION
  const signature = signed('hello', boundTo(stream, sideOf(stream), role), keyPair)
  return encodeHello({ kind: 'member', version, role, processId, certificate, signature })
}

export function makeGuestHello(
  { keyPair, inviteId }: { keyPair: KeyPair; inviteId: Buffer },
  stream: NoiseSecretStream
): Buffer {
  const signature = signed('hello', boundTo(stream, sideOf(stream), GUEST), keyPair)
  return encodeHello({ kind: 'guest', version: PROTOCOL_VERSION, inviteId, signature })
}

/**
 * Reads the other side's hello, and throws unless it was said on this connection by the holder of
 * its key. Whether its certificate counts is for the membership to say.
 */
export function readHello(stream: NoiseSecretStream, bytes: Buffer): Hello {
  const hello = decodeHello(bytes)
  const role = hello.kind === 'guest' ? GUEST : hello.role
  const said = boundTo(stream, stream.isInitiator ? 'listener' : 'dialler', role)
  if (isSigned('hello', said, hello.signature, stream.remotePublicKey)) return hello
  throw new HaifError('WRONG_MESH', 'the hello was not said by this peer on this connection')
}

/** The refusal of the other side as this side has to read it. */
export function refusal(error: WireError): HaifError {
  const version = error.details?.['version']
  const isMismatch = error.code === 'PROTOCOL_MISMATCH' && typeof version === 'number'
  return isMismatch ? mismatch(version) : fromWireError(error)
}

/** Which machine is "the other" depends on who reads it, so the version travels with it. */
export function mismatch(version: number): HaifError {
  const older = version < PROTOCOL_VERSION ? 'the other machine' : 'this machine'
  return new HaifError(
    'PROTOCOL_MISMATCH',
    `the other peer speaks version ${version} of the protocol and this one ${PROTOCOL_VERSION}: ` +
      `update HAIF on ${older}`,
    { details: { version: PROTOCOL_VERSION } }
  )
}

/** A peer before version 5 does not know the method, and so says which it is. */
export const LAST_OLD_VERSION = 4

const GUEST = 'guest'

const sideOf = (stream: NoiseSecretStream) => (stream.isInitiator ? 'dialler' : 'listener')

function boundTo(stream: NoiseSecretStream, side: string, role: string): Buffer {
  return Buffer.concat([Buffer.from(`${side}/${role}/`), stream.handshakeHash])
}

function encodeHello(hello: Hello): Buffer {
  return Buffer.from(c.encode(helloCodec, hello))
}

function decodeHello(bytes: Buffer): Hello {
  if (bytes.length > HELLO_BYTES_MAX) throw malformed('it is too long')
  const state = { buffer: bytes, start: 0, end: bytes.length }
  try {
    const version = c.uint.decode(state)
    if (version !== PROTOCOL_VERSION) throw mismatch(version)
    const hello = helloCodec.decode({ buffer: bytes, start: 0, end: bytes.length })
    if (!encodeHello(hello).equals(bytes)) throw new RangeError('not canonical')
    return hello
  } catch (error) {
    if (error instanceof HaifError) throw error
    throw malformed('it cannot be read', error)
  }
}

function malformed(why: string, cause?: unknown): HaifError {
  return new HaifError('PROTOCOL_MISMATCH', `the hello is malformed: ${why}`, { cause })
}

const inviteId = c.fixed(INVITE_ID_BYTES)
const processId = c.fixed(PROCESS_ID_BYTES)
const signature = c.fixed(SIGNATURE_BYTES)

const helloCodec = {
  preencode(state: State, hello: Hello): void {
    c.uint.preencode(state, hello.version)
    c.bool.preencode(state, hello.kind === 'guest')
    if (hello.kind === 'guest') inviteId.preencode(state, hello.inviteId)
    else {
      c.uint8.preencode(state, ROLES.indexOf(hello.role))
      processId.preencode(state, hello.processId)
      c.uint8array.preencode(state, encodeCertificate(hello.certificate))
    }
    signature.preencode(state, hello.signature)
  },
  encode(state: State, hello: Hello): void {
    c.uint.encode(state, hello.version)
    c.bool.encode(state, hello.kind === 'guest')
    if (hello.kind === 'guest') inviteId.encode(state, hello.inviteId)
    else {
      c.uint8.encode(state, ROLES.indexOf(hello.role))
      processId.encode(state, hello.processId)
      c.uint8array.encode(state, encodeCertificate(hello.certificate))
    }
    signature.encode(state, hello.signature)
  },
  decode(state: State): Hello {
    const version = c.uint.decode(state)
    if (c.bool.decode(state)) {
      const id = Buffer.from(inviteId.decode(state))
      return { kind: GUEST, version, inviteId: id, signature: Buffer.from(signature.decode(state)) }
    }
    const role = ROLES[c.uint8.decode(state)]
    if (role === undefined) throw new RangeError('unknown role')
    const id = Buffer.from(processId.decode(state))
    const bytes = c.uint8array.decode(state)
    if (bytes.length > CERTIFICATE_BYTES_MAX) throw new RangeError('too long')
    const certificate = decodeCertificate(bytes)
    const by = Buffer.from(signature.decode(state))
    return { kind: 'member', version, role, processId: id, certificate, signature: by }
  }
}
