/**
 * The hello: both ends prove that they know the mesh secret, and say what they are, before any
 * other message is looked at.
 *
 * The proof is bound to this one connection by its Noise handshake hash and to the side that gives
 * it, so it can be neither replayed nor reflected.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { NoiseSecretStream } from 'hyperdht'
import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { HaifError } from '#shared/errors.ts'
import { fromWireError, WireError } from '#shared/rpc/wire-error.ts'
import { PeerRole } from '#shared/contracts/peers/role.ts'

/** Raised when an older peer could not take part any more. */
export const PROTOCOL_VERSION = 4
/** From the open connection to the answered hello, and for each side of it. */
export const HELLO_MS_MAX = 3000
export const HELLO_METHOD = 'hello'
/** Tells the answering side that its hello was accepted, so that it may call now. */
export const READY_EVENT = 'ready'

const Hello = Type.Object({
  version: Type.Integer({ minimum: 0 }),
  role: PeerRole,
  /** HMAC-SHA256 under the mesh secret, hex. */
  proof: Type.String({ minLength: 64, maxLength: 64 })
})
type Hello = Static<typeof Hello>

const helloRequest = Compile(Type.Object({ version: Type.Integer({ minimum: 0 }) }))
const helloFull = Compile(Hello)
export const helloReply = Compile(
  Type.Object({ ok: Type.Optional(Hello), error: Type.Optional(WireError) })
)

export interface HelloFacts {
  secret: Buffer
  role: PeerRole
}

export function makeHello({ secret, role }: HelloFacts, stream: NoiseSecretStream): Hello {
  const side = stream.isInitiator ? 'dialler' : 'listener'
  return { version: PROTOCOL_VERSION, role, proof: proofOf(secret, stream, side, role) }
}

/** Returns the role of the other side, or throws PROTOCOL_MISMATCH or WRONG_MESH. */
export function checkHello(secret: Buffer, stream: NoiseSecretStream, value: unknown): PeerRole {
  if (!helloRequest.Check(value)) throw new HaifError('PROTOCOL_MISMATCH', 'the hello is malformed')
  if (value.version !== PROTOCOL_VERSION) throw mismatch(value.version)
  if (!helloFull.Check(value)) throw new HaifError('PROTOCOL_MISMATCH', 'the hello is malformed')
  const side = stream.isInitiator ? 'listener' : 'dialler'
  const expected = Buffer.from(proofOf(secret, stream, side, value.role))
  const given = Buffer.from(value.proof)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new HaifError(
      'WRONG_MESH',
      'the peer does not know the secret of this mesh; ' +
        'join with the topic key that "haif up" prints'
    )
  }
  return value.role
}

/** The refusal of the other side as this side has to read it. */
export function refusal(error: WireError): HaifError {
  const version = error.details?.['version']
  const isMismatch = error.code === 'PROTOCOL_MISMATCH' && typeof version === 'number'
  return isMismatch ? mismatch(version) : fromWireError(error)
}

/** Which machine is "the other" depends on who reads it, so the version travels with it. */
function mismatch(version: number): HaifError {
  const older = version < PROTOCOL_VERSION ? 'the other machine' : 'this machine'
  return new HaifError(
    'PROTOCOL_MISMATCH',
    `the other peer speaks version ${version} of the protocol and this one ${PROTOCOL_VERSION}: ` +
      `update HAIF on ${older}`,
    { details: { version: PROTOCOL_VERSION } }
  )
}

function proofOf(secret: Buffer, stream: NoiseSecretStream, side: string, role: string): string {
  return createHmac('sha256', secret)
    .update(`haif/hello/${side}/${role}/`)
    .update(stream.handshakeHash)
    .digest('hex')
}
