/** Everything about functions and pipelines, in our own words and in those of SPLime. */
import type { FastifyInstance } from 'fastify'
import type { AdminDeps } from '../operators/admin.ts'
import { splRoutes } from '../spl/spl-routes.ts'
import { callRoute } from './call.ts'
import { machineRoutes } from './machines.ts'
import { objectRoutes } from './objects.ts'
import { secretRoutes } from './secrets.ts'
import { runRoutes } from './runs.ts'

export function functionRoutes(app: FastifyInstance, deps: AdminDeps): void {
  objectRoutes(app, deps)
  runRoutes(app, deps)
  callRoute(app, deps)
  machineRoutes(app, deps)
  secretRoutes(app, deps)
  splRoutes(app, deps)
}
