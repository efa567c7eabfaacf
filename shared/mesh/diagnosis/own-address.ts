/**
 * The address that this machine uses towards another one. The system's routing table decides it,
 * so that a bridge of Docker or a VPN beside it is never taken for the network.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

type Family = 'IPv4' | 'IPv6'

/** Any address of the internet: it stands for the default route, and nothing is sent to it. */
const SOMEWHERE: Record<Family, string> = { IPv4: '1.1.1.1', IPv6: '2606:4700:4700::1111' }
/** Connecting a UDP socket sends nothing, so any port will do. */
const ANY_PORT = 9

/** Null when the routing table has no way to `host`; without `host`, no way to the internet. */
export async function ownAddress(family: Family, host?: string): Promise<string | null> {
  const socket = createSocket(family === 'IPv4' ? 'udp4' : 'udp6')
  try {
    socket.connect(ANY_PORT, host ?? SOMEWHERE[family])
    await once(socket, 'connect') // rejects on 'error', as ENETUNREACH
    return addressOf(socket)
  } catch {
    return null
  } finally {
    socket.close()
  }
}

/** An address that is only valid on one cable leads nowhere. */
function addressOf(socket: Socket): string | null {
  const { address } = socket.address()
  const isLinkLocal = address.startsWith('169.254.') || address.startsWith('fe80:')
  return isLinkLocal || address === '0.0.0.0' || address === '::' ? null : address
}
