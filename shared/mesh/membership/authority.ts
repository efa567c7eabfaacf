/**
 * The authority of a mesh signs for it: certificates, the list of revoked peers, epochs. It is the
 * holder of the root's seed, or of an issuer's key that the root has certified.
 */
import { createHmac, randomBytes } from 'node:crypto'
import DHT from 'hyperdht'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { CLOCK_TOLERANCE_MS, signCertificate, type Signer } from './certificate.ts'
import { SERIAL_BYTES, type Certificate } from './certificate-encoding.ts'

const DAY_MS = 24 * 3600_000
/**
 * A peer renews its certificate when it is two days old, so that every peer gets by for eight days
 * without a registry. One that was away for longer than this needs a new invite.
 */
export const CERTIFICATE_LIFE_MS = 10 * DAY_MS
export const RENEW_AFTER_MS = 2 * DAY_MS

export interface Authority extends Signer {
  /** The discovery secrets of all epochs follow from it, so that authorities agree on them. */
  epochSeed: Buffer
}

/** `seed`: the root's, 32 bytes. */
export function rootAuthority(seed: Buffer): Authority {
  const keyPair = DHT.keyPair(seed)
  const epochSeed = derived(seed, 'haif/epochs')
  return { mesh: keyPair.publicKey, keyPair, issuer: null, epochSeed }
}

interface CertificateWish {
  peer: Buffer
  roles: readonly PeerRole[]
  name?: string
  epoch: number
  lifeMs?: number
}

export function certify(authority: Authority, wish: CertificateWish, now: number): Certificate {
  const { lifeMs = CERTIFICATE_LIFE_MS, name = '', peer, roles, epoch } = wish
  return signCertificate(authority, {
    mesh: authority.mesh,
    peer,
    roles,
    name,
    notBefore: now - CLOCK_TOLERANCE_MS,
    notAfter: Math.min(now + lifeMs, authority.issuer?.notAfter ?? Infinity),
    serial: randomBytes(SERIAL_BYTES),
    epoch
  })
}

/** What the topics of an epoch are derived from. */
export function discoverySecretOf({ epochSeed }: Authority, epoch: number): Buffer {
  return derived(epochSeed, `haif/discovery/${epoch}`)
}

function derived(secret: Buffer, purpose: string): Buffer {
  return createHmac('sha256', secret).update(purpose).digest()
}
