/** The mesh that `haif up` makes on this machine: its root key, reach, and own DHT nodes. */
import type { Home } from '#shared/main/home.ts'
import { migrateHome } from '#shared/main/migrate-home.ts'
import { BootstrapNodes } from '#shared/mesh/discovery/bootstrap-nodes.ts'
import type { Address, MeshAddress, Reach } from '#shared/mesh/discovery/mesh-address.ts'
import { resolveNodes } from '#shared/mesh/discovery/node-address.ts'
import { hostTopicOf } from '#shared/mesh/discovery/topics.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import { LanNodes } from './lan-nodes.ts'
import { localAddress } from './local-address.ts'

export interface OwnMesh {
  address: MeshAddress
  /** The DHT nodes, started; none when the public DHT is used. */
  nodes: readonly Pick<Service, 'stop'>[]
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
  const address: MeshAddress = { mesh, reach, bootstrap: [] }
  const nodes = reach === 'public' ? null : nodesOf(home, address, wishes)
  if (nodes === null) address.bootstrap = await resolveNodes(wishes.bootstrap)
  else {
    await nodes.start()
    home.bootstrapPort = nodes.address.port
    address.bootstrap = [nodes.address]
  }
  home.mesh.remember(address)
  return { address, nodes: nodes === null ? [] : [nodes], isMigrated }
}

function nodesOf(home: Home, mesh: MeshAddress, { reach, address }: OwnMeshWishes) {
  const port = home.bootstrapPort
  if (reach === 'local') return new BootstrapNodes({ host: '127.0.0.1', port })
  const onMoved = (moved: Address) => {
    mesh.bootstrap.splice(0, Infinity, moved) // the next invite names it
    home.mesh.remember(mesh)
  }
  const name = hostTopicOf(mesh.mesh)
  return new LanNodes({ name, port, ownAddress: () => localAddress(address), onMoved })
}
