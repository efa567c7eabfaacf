/** A peer that has an invite and no certificate visits a registry to redeem it. */
import RPC from '@hyperswarm/rpc'
import c from 'compact-encoding'
import type { KeyPair, NoiseSecretStream } from 'hyperdht'
import type ProtomuxRPC from 'protomux-rpc'
import { HaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import { PeerLink, type LinkWay } from '#shared/rpc/peer-link.ts'
import { Router } from '#shared/rpc/router.ts'
import { verifyCertificate } from '../membership/certificate.ts'
import { Dialler } from './dialler.ts'
import { greetWith } from './handshake.ts'
import type { MeshNode } from '../node.ts'
import { makeGuestHello, readHello } from './hello.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'

interface GuestOptions {
  keyPair: KeyPair
  /** The public key of the mesh, from the invite. */
  mesh: Buffer
  inviteId: Buffer
  /** The role that the host must have. */
  hostRole: PeerRole
  now: () => number
  log: Logger
}

interface VisitOptions extends GuestOptions {
  /** Of the caller, with the relays that it knows. */
  node: MeshNode
  /** The host's public key. */
  host: Buffer
  localSockets: boolean
  dialMsMax: number
}

/** Resolves with a link on which the invite can be redeemed, and nothing else. */
export async function visit(options: VisitOptions): Promise<PeerLink> {
  const { node, host, keyPair, localSockets, dialMsMax } = options
  const dialler = new Dialler({
    node,
    rpc: new RPC({ dht: node.dht, keyPair, valueEncoding: c.raw }),
    keyPair,
    localSockets,
    dialMsMax,
    greet: (rpc, way) => greetAsGuest(rpc, way, options)
  })
  const { link } = await dialler.dial(host)
  return link
}

/**
 * Says hello as a guest on a connection that is open. Rejects, and destroys the connection, unless
 * a member of the mesh answers that is certified for the role and lets the guest in.
 */
function greetAsGuest(
  rpc: ProtomuxRPC,
  wayOf: (stream: NoiseSecretStream) => LinkWay,
  options: GuestOptions
) {
  const { mesh, hostRole, now, log } = options
  const way = () => wayOf(rpc.stream)
  return greetWith(rpc, {
    way,
    onDoubt: () => {}, // it is soon over, either way
    hello: () => makeGuestHello(options, rpc.stream),
    check(reply) {
      const hello = readHello(rpc.stream, reply)
      const isHost = hello.kind === 'member' && hello.role === hostRole
      const { remotePublicKey } = rpc.stream
      if (!isHost || !hello.certificate.peer.equals(remotePublicKey)) throw notTheHost()
      if (!hello.certificate.roles.includes(hostRole)) throw notTheHost()
      verifyCertificate(hello.certificate, mesh, now())
      return { key: remotePublicKey.toString('hex'), role: hostRole, name: hello.certificate.name }
    },
    link: (peer) => new PeerLink({ rpc, peer, router: new Router(), dialer: true, way, log })
  })
}

function notTheHost(): HaifError {
  return new HaifError('WRONG_MESH', 'the peer that answered may not redeem invites')
}
