/** The way between two peers, as one of them measures it. */
import { Type, type Static } from 'typebox'
import { between } from './parties.ts'
import { defineMethod } from '#shared/rpc/contract.ts'

/** A public key in hex. */
export const PeerKey = Type.String({ minLength: 64, maxLength: 64 })

/** Connections that one peer tells of; a mesh has fewer workers. */
const LINKS_MAX = 4096

/**
 * A socket of one machine, the local network, from address to address over the internet, or through
 * a relay.
 */
const LinkPath = Type.Enum(['local', 'lan', 'direct', 'relayed'])

export const LinkState = Type.Object({
  path: LinkPath,
  /** The key of the relay that forwards now. */
  relay: Type.Optional(PeerKey),
  rttMs: Type.Number({ minimum: 0 }),
  /** Packets that had to be sent again, of the latest ones; absent within a machine. */
  lossPercent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
  /** Since the connection opened. */
  sentBytes: Type.Optional(Type.Integer({ minimum: 0 })),
  receivedBytes: Type.Optional(Type.Integer({ minimum: 0 }))
})
export type LinkState = Static<typeof LinkState>

/** To the peers over which requests travel: their connections now. */
export const peerLinks = defineMethod(
  'peer.links',
  between(['registry'], ['gateway', 'orchestrator', 'jobs']),
  Type.Object({}),
  Type.Object({
    links: Type.Array(Type.Object({ peer: PeerKey, ...LinkState.properties }), {
      maxItems: LINKS_MAX
    })
  })
)
