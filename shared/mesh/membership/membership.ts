/**
 * One peer's membership: what it shows to others, and how it judges what others show (SPEC.md).
 *
 * What changes while it runs (a renewed certificate, a new epoch, a longer list of revoked peers)
 * is told by events and kept on disk by whoever made the membership.
 */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { HaifError } from '#shared/errors.ts'
import { Acquaintances } from './acquaintances.ts'
import { certify, discoverySecretOf, type Authority } from './authority.ts'
import { assertHolds, CLOCK_TOLERANCE_MS, verifyCertificate } from './certificate.ts'
import type { Certificate } from './certificate-encoding.ts'
import { EPOCHS_MAX, type Credentials, type Epoch } from './credentials.ts'
import {
  assertNotRevoked,
  inOwnWords,
  noRevocations,
  readRevocations,
  signRevocations,
  supersedes,
  united,
  type RevocationFacts,
  type RevocationList
} from './revocation.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'

/** What a certificate says of a peer. */
export interface CertificateTerms {
  roles: readonly PeerRole[]
  name: string
}

interface MembershipOptions {
  credentials: Credentials
  /** Set where this process can sign for the mesh. */
  authority?: Authority | null
  /** Null until a first list has come. */
  revocations?: RevocationList | null
  acquaintances?: Acquaintances
  /** Keeps what has changed; it may fail, and the membership goes on. */
  keep?: (kept: { credentials: Credentials } | { revocations: RevocationList }) => void
  /** Milliseconds since 1970. */
  now?: () => number
}

interface MembershipEvents {
  /** A list that supersedes the one before. */
  revocations: [RevocationList]
  /** A new certificate or a new epoch. */
  credentials: [Credentials]
}

export class Membership extends EventEmitter<MembershipEvents> {
  readonly #keep: NonNullable<MembershipOptions['keep']>
  readonly #now: () => number
  readonly authority: Authority | null
  readonly acquaintances: Acquaintances
  #credentials: Credentials
  #revocations: RevocationList | null

  constructor(options: MembershipOptions) {
    super()
    const { credentials, revocations = null, keep = () => {}, now = Date.now } = options
    this.authority = options.authority ?? null
    this.acquaintances = options.acquaintances ?? new Acquaintances()
    this.#credentials = credentials
    this.#revocations = revocations
    this.#keep = keep
    this.#now = now
  }

  /** The root's public key: the name of the mesh. */
  get mesh(): Buffer {
    return this.#credentials.certificate.mesh
  }

  get certificate(): Certificate {
    return this.#credentials.certificate
  }

  /** Those that the mesh is in, newest first. */
  get epochs(): readonly Epoch[] {
    const least = this.#revocations?.leastEpoch ?? 0
    const { epochs } = this.#credentials
    const [newest] = epochs
    return epochs.filter((epoch) => epoch === newest || epoch.number >= least)
  }

  get revocations(): RevocationList | null {
    return this.#revocations
  }

  get now(): number {
    return this.#now()
  }

  /** `key` in hex. For the firewall: it needs no certificate. */
  isRevoked(key: string): boolean {
    return this.#revocations?.peers.has(key) ?? false
  }

  /** Throws unless the certificate lets that key play the role here and now. */
  check(certificate: Certificate, key: Buffer, role: PeerRole): void {
    verifyCertificate(certificate, this.mesh, this.#now())
    if (!certificate.peer.equals(key)) {
      throw new HaifError(
        'WRONG_MESH',
        'the certificate belongs to another key; join with an invite of your own'
      )
    }
    if (!certificate.roles.includes(role)) {
      throw new HaifError(
        'ROLE_NOT_ALLOWED',
        `the certificate is for ${certificate.roles.join(', ') || 'no role'} and not for ${role}; ` +
          'join with an invite for that role'
      )
    }
    this.assertStands(certificate)
  }

  /** Throws when a certificate that was checked before does not count any more. */
  assertStands(certificate: Certificate): void {
    assertHolds(certificate, this.#now())
    if (this.#revocations !== null) assertNotRevoked(this.#revocations, certificate)
  }

  /** The same for this peer's own certificate, in words for the person at this machine. */
  assertMember(): void {
    try {
      this.assertStands(this.certificate)
    } catch (error) {
      throw inOwnWords(error)
    }
  }

  /** True when the list was news. Throws when it is not of this mesh. */
  learn(bytes: Uint8Array): boolean {
    if (this.#revocations?.bytes.equals(bytes) === true) return false
    return this.adopt(readRevocations(bytes, this.mesh, this.#now()))
  }

  /** The same with a list that was signed here. */
  adopt(list: RevocationList): boolean {
    if (!supersedes(list, this.#revocations)) return false
    this.#revocations = list
    this.#keep({ revocations: list })
    this.emit('revocations', list)
    return true
  }

  /**
   * Where there is an authority: signs a list that revokes these too, until the times given. With
   * `change`, an epoch begins or ends.
   */
  revoke(
    change: Partial<Pick<RevocationFacts, 'peers' | 'serials' | 'epoch' | 'leastEpoch'>>
  ): void {
    const { authority, mesh } = this
    assert(authority !== null, 'only an authority revokes')
    const known = this.#revocations ?? noRevocations(mesh, FIRST_EPOCH)
    const facts = { ...noRevocations(mesh, FIRST_EPOCH), ...change }
    this.adopt(signRevocations(authority, united(known, facts, this.#now())))
  }

  /** True when the certificate is that old, or of an epoch before the one that the mesh is in. */
  isRenewalDue(afterMs: number): boolean {
    const { notBefore, epoch } = this.certificate
    const isOld = this.#now() > notBefore + CLOCK_TOLERANCE_MS + afterMs
    return isOld || epoch < (this.#revocations?.epoch ?? 0)
  }

  /** Where there is an authority: credentials for a peer, for the epochs that the mesh is in. */
  certify(peer: Buffer, { roles, name }: CertificateTerms): Credentials {
    const { authority } = this
    assert(authority !== null, 'only an authority certifies')
    return credentialsBy(authority, { peer, roles, name }, this.#revocations, this.#now())
  }

  renewItself(): void {
    this.renew(this.certify(this.certificate.peer, this.certificate))
  }

  /** Takes a renewed certificate and the epochs that came with it. Throws when it is not for us. */
  renew(credentials: Credentials): void {
    const { certificate } = credentials
    verifyCertificate(certificate, this.mesh, this.#now())
    if (!certificate.peer.equals(this.certificate.peer)) {
      throw new HaifError('WRONG_MESH', 'the renewed certificate is for another peer')
    }
    this.#credentials = credentials
    this.#keep({ credentials })
    this.emit('credentials', credentials)
  }
}

/**
 * The epochs that a mesh is in by its list, newest first, for a peer that is certified now.
 */
function epochsOf(authority: Authority, list: RevocationList | null): Epoch[] {
  const { epoch, leastEpoch } = list ?? noRevocations(authority.mesh, FIRST_EPOCH)
  const numbers = Array.from(
    { length: Math.min(epoch - leastEpoch + 1, EPOCHS_MAX) },
    (_, i) => epoch - i
  )
  return numbers.map((number) => ({
    number,
    discoverySecret: discoverySecretOf(authority, number)
  }))
}

const FIRST_EPOCH = 1

/** A process whose home holds the authority certifies itself so, without a network. */
export function credentialsBy(
  authority: Authority,
  wish: { peer: Buffer; roles: readonly PeerRole[]; name?: string },
  list: RevocationList | null,
  now: number
): Credentials {
  const epochs = epochsOf(authority, list)
  return { certificate: certify(authority, { ...wish, epoch: epochs[0]!.number }, now), epochs }
}
