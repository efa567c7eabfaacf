/** The entrance over TLS of a peer that relays: what it knows of the mesh, it tells there. */
import { relayOffer } from '#shared/contracts/peers/relaying.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import { counter } from '#shared/telemetry/instruments.ts'
import type { TlsCertificate } from './self-signed.ts'
import { TlsRelay } from './tls-relay.ts'

const OFFER_MS_MAX = 3000

export interface TlsPlace {
  /** 0: any free one. */
  port: number
  certificate: TlsCertificate
}

/** The peer whose entrance it is, as far as it is used here. */
interface Host {
  /** Public key, hex. */
  readonly key: string
  /** Keys in hex that are announced under a topic; null when it is no topic of this mesh. */
  keysUnder: (topic: Buffer) => Promise<string[] | null>
  /** The connection to a peer, which is opened if there is none. */
  reach: (publicKey: Buffer) => Promise<PeerLink>
}

export function tlsEntrance(host: Host, { port, certificate }: TlsPlace): TlsRelay {
  const bytes = counter('haif_relay_bytes_total')
  const relay: TlsRelay = new TlsRelay({
    port,
    certificate,
    key: host.key,
    find: (topic) => host.keysUnder(Buffer.from(topic, 'hex')),
    async offer(peer, token) {
      const link = await host.reach(Buffer.from(peer, 'hex'))
      using context = createContext({ timeoutMs: OFFER_MS_MAX })
      await link.call(relayOffer, { token, port: relay.port }, context)
    },
    onBytes: (passed) => bytes.add(passed)
  })
  return relay
}
