/** The mesh at a glance: who is in it, how they are connected, and what needs a person. */
import { Type, type Static } from 'typebox'
import { LinkState, PeerKey } from '../../peers/links.ts'
import { PeerRole } from '../../peers/role.ts'

const PEERS_MAX = 4096
const NEEDS_MAX = 100

export const PeerView = Type.Object({
  id: PeerKey,
  role: PeerRole,
  name: Type.Optional(Type.String({ maxLength: 64 })),
  host: Type.String(),
  version: Type.String(),
  ...LinkState.properties,
  links: Type.Optional(Type.Array(Type.Object({ from: PeerKey, ...LinkState.properties }))),
  warnings: Type.Array(Type.String())
})
export type PeerView = Static<typeof PeerView>

const Count = Type.Integer({ minimum: 0 })

export const MeshView = Type.Object({
  /** The registry's clock, in milliseconds since 1970. */
  now: Count,
  /** Of the gateway that answers. */
  version: Type.String(),
  /** Whether callers need a token. */
  tokensNeeded: Type.Boolean(),
  peers: Type.Array(PeerView, { maxItems: PEERS_MAX }),
  /** All peers, also those that the list has no room for. */
  total: Count,
  workers: Type.Object({ total: Count, ready: Count, paused: Count, failed: Count }),
  models: Type.Object({ ready: Count, loadable: Count }),
  slots: Type.Object({ total: Count, running: Count, waiting: Count }),
  memory: Type.Object({
    ramTotalBytes: Type.Number(),
    ramFreeBytes: Type.Number(),
    gpuTotalBytes: Type.Number(),
    gpuFreeBytes: Type.Number()
  }),
  /** What a person should look at, in sentences; empty: everything runs. */
  needs: Type.Array(
    Type.Object({
      /** The peer that it is about. */
      peer: Type.Optional(PeerKey),
      model: Type.Optional(Type.String()),
      message: Type.String()
    }),
    { maxItems: NEEDS_MAX }
  )
})
export type MeshView = Static<typeof MeshView>
