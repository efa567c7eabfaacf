/**
 * Who is a member no longer, and which epoch the mesh is in: one list, signed like a certificate,
 * that every peer keeps and passes on (SPEC.md). The list with the higher number counts.
 */
import c, { type State } from 'compact-encoding'
import { HaifError } from '#shared/errors.ts'
import { verifySignature, type Signer } from './certificate.ts'
import {
  KEY_BYTES,
  SERIAL_BYTES,
  signatureCodec,
  type Certificate,
  type Issuer
} from './certificate-encoding.ts'
import { signed } from './signature.ts'

const VERSION = 1
/**
 * Of peers, and as many serials. An entry leaves when what it revokes has ended by itself, so this
 * is what a mesh may revoke in about a week; whoever needs more begins a new epoch. The longest
 * list has 180 KB in base64, and so fits into a call of the usual size.
 */
export const REVOKED_MAX = 2048

export interface RevocationFacts {
  /** The root's public key. */
  mesh: Buffer
  /** Counts up with each list. */
  seq: number
  /** The epoch that new certificates are for. */
  epoch: number
  /** Certificates of earlier epochs are refused; at most `epoch`. */
  leastEpoch: number
  /** Public keys in hex, each with the time after which the entry may be dropped. */
  peers: ReadonlyMap<string, number>
  /** Serials in hex, of certificates and of issuers. */
  serials: ReadonlyMap<string, number>
}

export interface RevocationList extends RevocationFacts {
  issuer: Issuer | null
  signature: Buffer
  /** As it is kept and passed on. */
  bytes: Buffer
}

export function signRevocations(signer: Signer, facts: RevocationFacts): RevocationList {
  if (facts.peers.size > REVOKED_MAX || facts.serials.size > REVOKED_MAX) {
    throw new HaifError(
      'CONFIG_INVALID',
      `more than ${REVOKED_MAX} peers are revoked: begin a new epoch with "haif mesh rotate"`
    )
  }
  const signature = signed('revocations', c.encode(factsCodec, facts), signer.keyPair)
  const list = { ...facts, issuer: signer.issuer, signature }
  return { ...list, bytes: Buffer.from(c.encode(listCodec, list)) }
}

/**
 * Throws WRONG_MESH unless the list is of this mesh. `now` null: it was checked when it was stored,
 * and the issuer that signed it may have ended since.
 */
export function readRevocations(bytes: Uint8Array, mesh: Buffer, now: number | null) {
  const list = decode(bytes)
  if (!list.mesh.equals(mesh)) {
    throw new HaifError('WRONG_MESH', 'the list of revoked peers is of another mesh')
  }
  verifySignature('revocations', c.encode(factsCodec, list), list, mesh, now)
  return { ...list, bytes: Buffer.from(bytes) } satisfies RevocationList
}

/**
 * True when the list takes the place of the other. An issuer that has been revoked cannot take that
 * back, however high it counts, and its own lists give way to any other that revokes it.
 */
export function supersedes(list: RevocationList, known: RevocationList | null): boolean {
  if (known === null) return true
  if (isIssuerRevoked(known, list.issuer)) return false
  if (isIssuerRevoked(list, known.issuer)) return true
  if (list.seq !== known.seq) return list.seq > known.seq
  // Two issuers that do not know of each other: everybody keeps the same one, until an issuer that
  // sees both signs the next.
  return Buffer.compare(list.bytes, known.bytes) > 0
}

/** The facts of the list that follows both: everything that either of them revokes. */
export function united(a: RevocationFacts, b: RevocationFacts, now: number): RevocationFacts {
  return {
    mesh: a.mesh,
    seq: Math.max(a.seq, b.seq) + 1,
    epoch: Math.max(a.epoch, b.epoch),
    leastEpoch: Math.max(a.leastEpoch, b.leastEpoch),
    peers: unionOf(a.peers, b.peers, now),
    serials: unionOf(a.serials, b.serials, now)
  }
}

/** What the first list of a mesh says. */
export const noRevocations = (mesh: Buffer, epoch: number): RevocationFacts => ({
  mesh,
  seq: 0,
  epoch,
  leastEpoch: epoch,
  peers: new Map(),
  serials: new Map()
})

/** Throws PEER_REVOKED, or CERTIFICATE_EXPIRED for a certificate of an epoch that is over. */
export function assertNotRevoked(list: RevocationFacts, certificate: Certificate): void {
  const { peer, serial, issuer, epoch } = certificate
  const isRevoked =
    list.peers.has(peer.toString('hex')) ||
    list.serials.has(serial.toString('hex')) ||
    isIssuerRevoked(list, issuer)
  if (isRevoked) {
    throw new HaifError(
      'PEER_REVOKED',
      'the peer was removed from this mesh; if that was a mistake, join again with a new invite'
    )
  }
  if (epoch < list.leastEpoch) {
    throw new HaifError(
      'CERTIFICATE_EXPIRED',
      `the certificate is of epoch ${epoch} and the mesh in ${list.epoch}: join with a new invite`
    )
  }
}

/** This machine itself was removed: the others speak of "the peer", here a person reads it. */
export class RemovedHere extends HaifError {
  constructor(cause: unknown) {
    super(
      'PEER_REVOKED',
      'this machine was removed from the mesh. To come back, ask the owner of the mesh for a new ' +
        'invite ("haif invite") and join with it',
      { cause }
    )
  }
}

/** For an error that speaks of this machine. */
export const inOwnWords = (error: unknown): unknown =>
  error instanceof HaifError && error.code === 'PEER_REVOKED' ? new RemovedHere(error) : error

function isIssuerRevoked({ serials }: RevocationFacts, issuer: Issuer | null): boolean {
  return issuer !== null && serials.has(issuer.serial.toString('hex'))
}

function unionOf(
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
  now: number
): Map<string, number> {
  const union = new Map(a)
  for (const [id, until] of b) union.set(id, Math.max(until, union.get(id) ?? 0))
  for (const [id, until] of union) if (until < now) union.delete(id)
  return union
}

function decode(bytes: Uint8Array): Omit<RevocationList, 'bytes'> {
  try {
    const list = c.decode(listCodec, Buffer.from(bytes))
    if (list.leastEpoch > list.epoch) throw new RangeError('accepts no epoch')
    return list
  } catch (error) {
    throw new HaifError('WRONG_MESH', 'the list of revoked peers is malformed', { cause: error })
  }
}

/** Hex of a fixed length, and a time. */
function revokedCodec(idBytes: number) {
  const id = c.fixed(idBytes)
  return {
    preencode(state: State, entries: ReadonlyMap<string, number>): void {
      c.uint.preencode(state, entries.size)
      for (const until of entries.values()) {
        state.end += idBytes
        c.uint.preencode(state, until)
      }
    },
    encode(state: State, entries: ReadonlyMap<string, number>): void {
      c.uint.encode(state, entries.size)
      for (const [hex, until] of entries) {
        id.encode(state, Buffer.from(hex, 'hex'))
        c.uint.encode(state, until)
      }
    },
    decode(state: State): Map<string, number> {
      const count = c.uint.decode(state)
      if (count > REVOKED_MAX) throw new RangeError('too many are revoked')
      const entries = new Map<string, number>()
      for (let i = 0; i < count; i++) {
        const hex = Buffer.from(id.decode(state)).toString('hex')
        entries.set(hex, c.uint.decode(state))
      }
      return entries
    }
  }
}

const mesh = c.fixed(KEY_BYTES)
const peers = revokedCodec(KEY_BYTES)
const serials = revokedCodec(SERIAL_BYTES)

const factsCodec = {
  preencode(state: State, facts: RevocationFacts): void {
    c.uint8.preencode(state, VERSION)
    mesh.preencode(state, facts.mesh)
    c.uint.preencode(state, facts.seq)
    c.uint.preencode(state, facts.epoch)
    c.uint.preencode(state, facts.leastEpoch)
    peers.preencode(state, facts.peers)
    serials.preencode(state, facts.serials)
  },
  encode(state: State, facts: RevocationFacts): void {
    c.uint8.encode(state, VERSION)
    mesh.encode(state, facts.mesh)
    c.uint.encode(state, facts.seq)
    c.uint.encode(state, facts.epoch)
    c.uint.encode(state, facts.leastEpoch)
    peers.encode(state, facts.peers)
    serials.encode(state, facts.serials)
  },
  decode(state: State): RevocationFacts {
    if (c.uint8.decode(state) !== VERSION) throw new RangeError('unknown version')
    return {
      mesh: Buffer.from(mesh.decode(state)),
      seq: c.uint.decode(state),
      epoch: c.uint.decode(state),
      leastEpoch: c.uint.decode(state),
      peers: peers.decode(state),
      serials: serials.decode(state)
    }
  }
}

const listCodec = {
  preencode(state: State, list: Omit<RevocationList, 'bytes'>): void {
    factsCodec.preencode(state, list)
    signatureCodec.preencode(state, list)
  },
  encode(state: State, list: Omit<RevocationList, 'bytes'>): void {
    factsCodec.encode(state, list)
    signatureCodec.encode(state, list)
  },
  decode(state: State): Omit<RevocationList, 'bytes'> {
    return { ...factsCodec.decode(state), ...signatureCodec.decode(state) }
  }
}
