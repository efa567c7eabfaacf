/** Peers of a mesh that share a process, on a machine of the laboratory. */
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ListeningRole, PeerRole } from '#shared/contracts/peers/role.ts'
import { HaifError } from '#shared/errors.ts'
import { makeSelfSigned } from '#shared/mesh/connection/tls/self-signed.ts'
import { TlsRelays } from '#shared/mesh/connection/tls/tls-relays.ts'
import type { Address } from '#shared/mesh/discovery/mesh-address.ts'
import type { Membership } from '#shared/mesh/membership/membership.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { openMesh, openNode } from '#shared/mesh/open-mesh.ts'
import { Router } from '#shared/rpc/router.ts'
import { createLogger } from '#shared/process/log.ts'
import type { LinkPath } from '#shared/rpc/peer-link.ts'
import { memberOf } from '../../helpers/peers/member.ts'
import { decodeRoot } from '../../helpers/peers/mesh-root.ts'
import { answer } from './answer.ts'

const POLL_MS = 2
const CERTIFICATE = makeSelfSigned('relay.lab')
/** A registry that lets guests find it, and nobody in. */
const NOBODY = {
  admit() {
    throw new HaifError('INVITE_UNKNOWN', 'nobody is let in here')
  },
  router: new Router()
}

export interface PeersOptions {
  root: string
  peers: {
    role: PeerRole
    follow?: ListeningRole[]
    relays?: boolean
    /** Where it relays over TLS, too. */
    tlsPort?: number
  }[]
  /** Relays over TLS that this process knows. */
  tlsRelays?: Address[]
  /** What peers of an earlier process have kept of those that they met. */
  acquaintances?: string
}

export interface SeenLink {
  /** Of the peer at the other end, hex. */
  key: string
  role: string
  path: LinkPath
  relay: string | null
}

const options = JSON.parse(process.argv[2]!) as PeersOptions
const root = decodeRoot(options.root)
const log = createLogger(process.env['LOG_LEVEL'] ?? 'silent', 'lab')
const node = openNode(root, new TlsRelays(options.tlsRelays))
const meshes: Mesh[] = []
const memberships: Membership[] = []
const reachedMs = new Map<string, number>()
const lostAt = new Map<string, number>()
let startedAt = 0

answer({
  async start() {
    for (const { role, follow = [], relays = false, tlsPort } of options.peers) {
      const guests = role === 'registry' ? { guests: NOBODY } : {}
      const tls = tlsPort === undefined ? {} : { tls: { port: tlsPort, certificate: CERTIFICATE } }
      const member = { ...memberOf(root, role), ...guests, ...tls }
      member.membership.acquaintances.addText(options.acquaintances ?? '')
      memberships.push(member.membership)
      const mesh = openMesh({ address: root, node, ...member, relays, log })
      meshes.push(mesh)
      mesh.on('link', ({ peer }) => {
        if (!reachedMs.has(peer.role)) reachedMs.set(peer.role, performance.now() - startedAt)
      })
      mesh.on('lost', ({ peer }) => lostAt.set(peer.role, Date.now()))
      if (startedAt === 0) startedAt = performance.now()
      await mesh.start()
      for (const other of follow) mesh.follow(other)
    }
    if (options.peers.some(({ relays }) => relays)) await relaying()
    await findable()
  },
  /** Milliseconds from the start until a peer of the role was connected. */
  async reached(role: PeerRole): Promise<number> {
    while (!reachedMs.has(role)) await sleep(POLL_MS)
    return reachedMs.get(role)!
  },
  /** When the last peer of a role was lost, by the clock of the machine. */
  async gone(role: PeerRole): Promise<number> {
    while (meshes.some((mesh) => mesh.links(role).length > 0)) await sleep(POLL_MS)
    return lostAt.get(role) ?? 0
  },
  /** Until every connection with these peers takes that path. */
  async path({ keys, path }: { keys: string[]; path: LinkPath }) {
    const all = () =>
      meshes.flatMap((mesh) => mesh.links().filter(({ peer }) => keys.includes(peer.key)))
    while (all().some((link) => link.path !== path)) await sleep(POLL_MS)
  },
  links: (): SeenLink[] =>
    meshes.flatMap((mesh) =>
      mesh.links().map(({ peer, path, relay }) => ({ key: peer.key, role: peer.role, path, relay }))
    ),
  keys: () => meshes.map(({ key }) => key),
  /** What would be kept of the peers that are connected, once each has an address. */
  async acquaintances(): Promise<string> {
    const hasNone = (membership: Membership) =>
      meshes.some((mesh) =>
        mesh.links().some(({ peer }) => membership.acquaintances.addressOf(peer.key) === null)
      )
    while (memberships.some(hasNone)) await sleep(POLL_MS)
    return memberships.map(({ acquaintances }) => acquaintances.toText()).join('')
  },
  /** The key of the peer that relays here. */
  relayKey: () => meshes.find(({ role }) => role === 'relay')!.key
})

const isListening = (role: PeerRole) => ['orchestrator', 'registry', 'gateway'].includes(role)

/** Until others can dial what listens here. */
async function findable(): Promise<void> {
  const listening = options.peers.filter(({ role }) => isListening(role)).length
  while (node.dht.listening.size < listening) await sleep(POLL_MS)
  for (const server of node.dht.listening) {
    while (server.relayAddresses.length === 0) await sleep(POLL_MS)
  }
}

async function relaying(): Promise<void> {
  while (!meshes.some(({ isRelaying }) => isRelaying)) await sleep(POLL_MS)
}
