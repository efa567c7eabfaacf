/** Joins a service to the mesh: `main.ts` knows keys and reach, the service knows its router. */
import type { Router } from '#shared/rpc/router.ts'
import type { Mesh } from './mesh.ts'

/** The mesh is not started yet; the service starts and stops it. */
export type JoinMesh = (router: Router) => Mesh
