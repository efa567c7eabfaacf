/** The mesh that `haif up` makes on this machine: its root key, reach, and own DHT nodes. */
import type { Home } from '#shared/main/home.ts'
import { migrateHome } from '#shared/main/migrate-home.ts'
import { BootstrapNodes } from '#shared/mesh/discovery/bootstrap-nodes.ts'
import type { MeshAddress, Reach } from '#shared/mesh/discovery/mesh-address.ts'
import { resolveNodes } from '#shared/mesh/discovery/node-address.ts'
import { localAddress } from './local-address.ts'

export interface OwnMesh {
  address: MeshAddress
  /** The DHT nodes, started; none when the public DHT is used. */
  nodes: readonly BootstrapNodes[]
  /** True at the first start of a mesh that was made before invites. */
  isMigrated: boolean
}

interface OwnMeshWishes {
  reach: Reach
  /** The address of this machine in its network; null: that of the default route. */
  address: string | null
  /** DHT nodes of one's own, `host[:port]`, for a mesh on the internet. */
  bootstrap: readonly string[]
}

export async function startOwnMesh(home: Home, wishes: OwnMeshWishes): Promise<OwnMesh> {
  const isMigrated = migrateHome(home)
  const { mesh } = home.makeAuthority()
  const { reach } = wishes
  const nodes = reach === 'public' ? null : await startNodes(home, wishes)
  const bootstrap = nodes === null ? await resolveNodes(wishes.bootstrap) : [nodes.address]
  const address = { mesh, reach, bootstrap }
  home.mesh.remember(address)
  return { address, nodes: nodes === null ? [] : [nodes], isMigrated }
}

async function startNodes(home: Home, { reach, address }: OwnMeshWishes): Promise<BootstrapNodes> {
  const host = reach === 'local' ? '127.0.0.1' : await localAddress(address)
  const nodes = new BootstrapNodes({ host, port: home.bootstrapPort })
  await nodes.start()
  home.bootstrapPort = nodes.address.port
  return nodes
}
