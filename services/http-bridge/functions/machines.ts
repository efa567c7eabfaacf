/** `/v1/machines` and `/v1/environments`: where functions run, and what is built there. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import {
  ENVIRONMENT_KEY_PATTERN,
  EnvironmentAct,
  EnvironmentsQuery,
  gatewayEnvironments,
  gatewayMachines,
  gatewayOrderEnvironment,
  MachineEnvironments,
  MachineList
} from '#shared/contracts/functions/environments.ts'
import { HaifError } from '#shared/errors.ts'
import { replyBody } from '../jobs/bodies.ts'
import { asking, type AdminDeps } from '../operators/admin.ts'
import { queryReader } from '../operators/query.ts'
import { describe } from './objects.ts'

const readQuery = queryReader(EnvironmentsQuery)
const KEY = new RegExp(ENVIRONMENT_KEY_PATTERN)
const Ordered = Type.Object({ machine: Type.String(), ...EnvironmentAct.properties })

interface ByKey {
  Params: { machine: string; key: string }
}

export function machineRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  app.get(
    '/v1/machines',
    describe('List the machines that take tasks, and which of them run functions', MachineList),
    async (request, reply) =>
      replyBody(MachineList, await ask({ request, reply }, gatewayMachines, {}))
  )
  app.get(
    '/v1/environments',
    describe(
      'List environments of packages by machine, with its runtimes; `machine` chooses one',
      MachineEnvironments
    ),
    async (request, reply) => {
      const found = await ask({ request, reply }, gatewayEnvironments, readQuery(request.query))
      return replyBody(MachineEnvironments, found)
    }
  )
  const order =
    (action: EnvironmentAct['action']) =>
    async (request: FastifyRequest<ByKey>, reply: FastifyReply) => {
      const { machine, key } = request.params
      if (!KEY.test(key)) {
        throw new HaifError('NOT_FOUND', `there is no environment ${key.slice(0, 80)}`)
      }
      const wish = { machine, action, key }
      return replyBody(Ordered, await ask({ request, reply }, gatewayOrderEnvironment, wish))
    }
  app.delete<ByKey>(
    '/v1/environments/:machine/:key',
    describe('Remove an environment; it is built again when it is needed', Ordered),
    order('remove')
  )
  app.post<ByKey>(
    '/v1/environments/:machine/:key/rebuild',
    describe('Build an environment anew, and put it in its place then', Ordered),
    order('rebuild')
  )
}
