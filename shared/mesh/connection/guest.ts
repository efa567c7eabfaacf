/** A peer that has an invite and no certificate visits a registry to redeem it. */
import RPC from '@hyperswarm/rpc'
import c from 'compact-encoding'
import type DHT from 'hyperdht'
import type { KeyPair, NoiseSecretStream } from 'hyperdht'
import type ProtomuxRPC from 'protomux-rpc'
import { HaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import { PeerLink, type LinkWay } from '#shared/rpc/peer-link.ts'
import { Router } from '#shared/rpc/router.ts'
import { verifyCertificate } from '../membership/certificate.ts'
import { Dialler } from './dialler.ts'
import { greetWith } from './handshake.ts'
import { MeshNode } from '../node.ts'
import type { TlsRelays } from './tls/tls-relays.ts'
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
  /** Of the caller, who destroys it. */
  dht: DHT
  /** The host's public key. */
  host: Buffer
  /** From the invite, for a host that cannot be reached directly. */
  relays: Buffer[]
  /** Where relays listen for TLS, for a network without UDP. */
  tlsRelays?: TlsRelays
  localSockets: boolean
  dialMsMax: number
}

/** Resolves with a link on which the invite can be redeemed, and nothing else. */
export async function visit(options: VisitOptions): Promise<PeerLink> {
  const { dht, host, keyPair, relays, tlsRelays, localSockets, dialMsMax } = options
  const node = new MeshNode(dht, tlsRelays === undefined ? {} : { tlsRelays })
  for (const relay of relays) node.relays.add(relay.toString('hex'), () => 0)
  const dialler = new Dialler({
    node,
    rpc: new RPC({ dht, keyPair, valueEncoding: c.raw }),
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
