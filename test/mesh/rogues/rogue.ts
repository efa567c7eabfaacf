/** A member that plays a role of its own choice, with the certificate that it has. */
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import type { MeshRoot } from '../../helpers/peers/mesh-root.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { Router } from '#shared/rpc/router.ts'
import { memberOf } from '../../helpers/peers/member.ts'
import { startPeer, type Scope } from '../../helpers/peers/peers.ts'

interface RogueOptions {
  certifiedAs: PeerRole
  plays: PeerRole
  router?: Router
}

export function startRogue(
  t: Scope,
  root: MeshRoot,
  { certifiedAs, plays, router }: RogueOptions
): Promise<Mesh> {
  const member = { ...memberOf(root, certifiedAs), role: plays }
  return startPeer(t, root, router === undefined ? member : { ...member, router })
}
