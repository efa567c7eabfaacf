/**
 * `GET /v1/admin/events`: what changes in the mesh. Each event carries the whole of what has
 * changed, so a reader keeps the last of each; one that reads slowly misses states in between, and
 * never the last one.
 */
import { Type, type Static } from 'typebox'
import { MeshView, PeerView } from './mesh.ts'
import { QueueView } from './queue.ts'
import { RequestRow } from './requests.ts'
import { WorkerView } from './workers.ts'

const Gone = Type.Object({ id: Type.String() })

/** The data of each kind of event. `mesh` is without its list of peers, which come as `peer`. */
export const EVENT_BODIES = {
  mesh: Type.Omit(MeshView, ['peers']),
  peer: PeerView,
  peerGone: Gone,
  worker: WorkerView,
  workerGone: Gone,
  queue: Type.Omit(QueueView, ['requests']),
  /** A request that has ended. */
  request: RequestRow,
  /** Everything that was there when the stream began has been sent. */
  ready: Type.Object({})
} as const

export const EventKind = Type.Enum([
  'mesh',
  'peer',
  'peerGone',
  'worker',
  'workerGone',
  'queue',
  'request',
  'ready'
])
export type EventKind = Static<typeof EventKind>

type Bodies = { [Kind in EventKind]: Static<(typeof EVENT_BODIES)[Kind]> }
export type AdminEvent = { [Kind in EventKind]: { event: Kind; data: Bodies[Kind] } }[EventKind]
