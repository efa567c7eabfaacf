/** How a service gets its place in the mesh: `main.ts` knows keys and reach, the service its router. */
import type { Router } from '#shared/rpc/router.ts'
import type { Mesh } from './mesh.ts'

/** The mesh is not started yet; the service starts and stops it. */
export type JoinMesh = (router: Router) => Mesh
