/** Asks the mesh which models it has, for a machine that is about to become a worker of it. */
import { once } from 'node:events'
import { registryShared, type SharedModel } from '#shared/contracts/peers/peers.ts'
import type { Home } from '#shared/main/home.ts'
import type { Seat } from '#shared/main/seat.ts'
import { openMesh } from '#shared/mesh/open-mesh.ts'
import { PeerPool } from '#shared/mesh/peer-pool.ts'
import { silentLogger } from '#shared/process/log.ts'
import { createContext } from '#shared/rpc/context.ts'

/** A mesh that is away is no reason to wait: this machine joins, and can be told later. */
const ASK_MS_MAX = 10_000

/** Null: nobody answers. */
export async function modelsOfMesh(seat: Seat, home: Home): Promise<SharedModel[] | null> {
  const neighbours = (role: string) => home.keysOf(role)
  const beside = { neighbours, tlsRelays: home.tlsRelays, role: 'worker' as const }
  const mesh = openMesh({ ...seat, ...beside, log: silentLogger() })
  using context = createContext({ timeoutMs: ASK_MS_MAX })
  const { signal } = context
  try {
    await mesh.start()
    mesh.follow('registry')
    while (mesh.links('registry').length === 0) await once(mesh, 'link', { signal })
    const { models } = await new PeerPool(mesh, 'registry').call(registryShared, {}, context)
    return models
  } catch {
    return null // whoever joins is told by the worker itself why nobody answers
  } finally {
    await mesh.stop()
  }
}
