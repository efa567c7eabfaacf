/** Reads the registry's whole snapshot, page by page. */
import {
  registryList,
  type MeshSnapshot,
  type SnapshotPage,
  type SnapshotQuery
} from '#shared/contracts/peers/peers.ts'
import { HaifError } from '#shared/errors.ts'
import type { RequestContext } from '#shared/rpc/context.ts'

/** About 32 MiB: more than a mesh that means well has to say. */
const PAGES_MAX = 64

/** A pool of registries, or the connection to one. */
interface Asked {
  call(
    contract: typeof registryList,
    query: SnapshotQuery,
    context: RequestContext
  ): Promise<SnapshotPage>
}

export async function readRegistry(
  registry: Asked,
  context: RequestContext,
  query: Pick<SnapshotQuery, 'models' | 'links'> = {}
): Promise<MeshSnapshot> {
  const snapshot: MeshSnapshot = { peers: [], models: [] }
  let after: string | undefined
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const asked = after === undefined ? query : { ...query, after }
    const { now, peers, models, next } = await registry.call(registryList, asked, context)
    if (now !== undefined) snapshot.now = now
    snapshot.peers.push(...peers)
    snapshot.models.push(...models)
    if (next === undefined) return snapshot
    after = next
  }
  throw new HaifError('BODY_TOO_LARGE', `the registry has over ${PAGES_MAX} pages to say`)
}
