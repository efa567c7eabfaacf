/** Joins a service to the mesh: its process knows keys and reach, the service knows its router. */
import type { Router } from '#shared/rpc/router.ts'
import type { TlsPlace } from './connection/tls/tls-entrance.ts'
import type { Mesh, MeshOptions } from './mesh.ts'

/** What a registry adds: where guests are let in, and how certificates are renewed. */
interface JoinExtras extends Pick<MeshOptions, 'guests' | 'renews'> {
  /** The peer also relays connections of others, while it can be reached from outside. */
  relays?: boolean
  /** It does so over TLS, too, for members whose network blocks UDP. */
  tls?: TlsPlace
}

/** The mesh is not started yet; the service starts and stops it. */
export type JoinMesh = (router: Router, extras?: JoinExtras) => Mesh
