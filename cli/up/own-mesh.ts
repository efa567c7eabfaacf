/** The mesh that `haif up` makes on this machine: its reach, its secret, and its own DHT nodes. */
import type { Home } from '#shared/main/home.ts'
import { BootstrapNodes } from '#shared/mesh/discovery/bootstrap-nodes.ts'
import { resolveNodes } from '#shared/mesh/discovery/node-address.ts'
import { encodeTopicKey, type Reach, type TopicKey } from '#shared/mesh/discovery/topic-key.ts'
import { localAddress } from './local-address.ts'

export interface OwnMesh {
  topicKey: TopicKey
  /** The topic key as a person copies it. */
  text: string
  /** The DHT nodes, started; none when the public DHT is used. */
  nodes: readonly BootstrapNodes[]
}

interface OwnMeshWishes {
  reach: Reach
  /** The address of this machine in its network; null: that of the default route. */
  address: string | null
  /** DHT nodes of one's own, `host[:port]`, for a mesh on the internet. */
  bootstrap: readonly string[]
}

export async function startOwnMesh(home: Home, wishes: OwnMeshWishes): Promise<OwnMesh> {
  const { reach, address } = wishes
  const secret = home.meshSecret()
  if (reach === 'public') {
    const bootstrap = await resolveNodes(wishes.bootstrap)
    return remembered(home, { secret, reach, bootstrap }, [])
  }
  const host = reach === 'local' ? '127.0.0.1' : await localAddress(address)
  const nodes = new BootstrapNodes({ host, port: home.bootstrapPort })
  await nodes.start()
  home.bootstrapPort = nodes.address.port
  return remembered(home, { secret, reach, bootstrap: [nodes.address] }, [nodes])
}

function remembered(home: Home, topicKey: TopicKey, nodes: OwnMesh['nodes']): OwnMesh {
  const text = encodeTopicKey(topicKey)
  home.rememberTopicKey(text)
  return { topicKey, text, nodes }
}
