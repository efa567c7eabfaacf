/** Whose something is that the bridge keeps: gateways know who asks, the bridge only compares. */
import { createHash } from 'node:crypto'
import { identify } from '#shared/contracts/access/access.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { RequestContext } from '#shared/rpc/context.ts'

/**
 * The same for every request with the same token, and for nobody else; the token itself is not kept.
 * Throws UNAUTHENTICATED or FORBIDDEN. Where no token is needed, whoever shows another one, or none,
 * is somebody else.
 */
export async function ownerOf(gateways: PeerPool, context: RequestContext): Promise<string> {
  const { tenant, tokenId } = await gateways.call(identify, { capability: 'infer' }, context)
  const shown = tokenId === undefined ? (context.shows?.token ?? null) : null
  return createHash('sha256')
    .update(JSON.stringify([tenant, tokenId ?? null, shown]))
    .digest('base64')
}
