/**
 * How peers meet over TLS where UDP is blocked. A relay answers on one port:
 *
 *   GET /haif/topics/<topic>      the keys announced under a topic of the relay's mesh, as JSON
 *   WebSocket /haif/peers/<key>   a pipe to that peer: the relay offers it the other end
 *   WebSocket /haif/offers/<token>   the peer takes the other end
 *
 * What passes is the same Noise stream as over UDP, between the two peers: the relay sees
 * ciphertext. To ask for a topic one has to know it, and to open a pipe the key of a peer, as on
 * the DHT; and what comes out of a pipe is checked by that peer like any other connection.
 */
import type { Duplex } from 'node:stream'
import { Type } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { createWebSocketStream, type WebSocket } from 'ws'

export const TLS_PORT = 443
/** Topics, keys and tokens are 32 bytes in hex. */
const HEX = '[0-9a-f]{64}'
const PATH = new RegExp(`^/haif/(topics|peers|offers)/(${HEX})$`)

type Kind = 'topics' | 'peers' | 'offers'

export const pathTo = (kind: Kind, name: string): string => `/haif/${kind}/${name}`

export function parsePath(path: string | undefined): { kind: Kind; name: string } | null {
  const [, kind, name] = PATH.exec(path ?? '') ?? []
  return kind === undefined ? null : { kind: kind as Kind, name: name! }
}

/** The header in which a relay says who it is: its public key in hex. */
export const RELAY_HEADER = 'haif-relay'

const KEYS_MAX = 256
export const Found = Compile(
  Type.Object({ keys: Type.Array(Type.String({ pattern: `^${HEX}$` }), { maxItems: KEYS_MAX }) })
)

/** A WebSocket has no half that stays open when the other one has ended. */
export const pipeOver = (socket: WebSocket): Duplex =>
  createWebSocketStream(socket, { allowHalfOpen: false })
