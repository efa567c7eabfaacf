/** Connections to peers over the pipes of a relay: the same encrypted stream as over UDP. */
import type { KeyPair } from 'hyperdht'
import type ProtomuxRPC from 'protomux-rpc'
import type { LinkWay } from '#shared/rpc/peer-link.ts'
import { connected } from '../handshake.ts'
import { encrypted, rpcOver } from '../local-socket.ts'
import { pathTo } from './protocol.ts'
import type { TlsAddress } from './tls-address.ts'
import { openPipe, type TlsRelays } from './tls-relays.ts'

/** For the relay to call the peer, and for both ends to prove their keys. */
const HANDSHAKE_MS_MAX = 5000

interface TlsConnection {
  rpc: ProtomuxRPC
  way: () => LinkWay
}

const wayThrough = (relay: string) => (): LinkWay => ({ path: 'relayed', relay })

/** Dials a peer through a relay over TLS. */
export async function dialOverTls(
  relays: TlsRelays,
  publicKey: Buffer,
  keyPair: KeyPair
): Promise<TlsConnection> {
  const { stream, relay } = await relays.pipeTo(publicKey)
  const rpc = rpcOver(encrypted(true, stream, { keyPair, remotePublicKey: publicKey }), publicKey)
  await connected(rpc, HANDSHAKE_MS_MAX)
  return { rpc, way: wayThrough(relay) }
}

/** Takes the other end of a pipe that a relay has offered. `relay`: its key in hex. */
export async function takeOffer(
  at: TlsAddress,
  { token, relay }: { token: string; relay: string },
  keyPair: KeyPair
): Promise<TlsConnection> {
  const { stream } = await openPipe(at, pathTo('offers', token))
  const rpc = rpcOver(encrypted(false, stream, { keyPair }), keyPair.publicKey)
  return { rpc, way: wayThrough(relay) }
}
