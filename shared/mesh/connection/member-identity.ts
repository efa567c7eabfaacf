/** The peer at the other end, with the certificate that it showed. A guest has none. */
import type { PeerIdentity } from '#shared/rpc/peer-identity.ts'
import type { KeyHolder } from './twins.ts'
import type { Certificate } from '../membership/certificate-encoding.ts'

export interface MemberIdentity extends PeerIdentity {
  /** Replaced when the peer shows a renewed one. */
  certificate: Certificate
  holder: KeyHolder
}

export const isMember = (peer: PeerIdentity): peer is MemberIdentity => 'certificate' in peer
