/** `/v1/secrets`: what functions get as files. No value ever comes back. */
import type { FastifyInstance } from 'fastify'
import {
  gatewayGrantSecret,
  gatewayListSecrets,
  gatewayRemoveSecret,
  gatewaySetSecret,
  GrantSecret,
  SecretList,
  SecretView,
  SetSecret
} from '#shared/contracts/functions/secrets.ts'
import { replyBody } from '../jobs/bodies.ts'
import { asking, type AdminDeps } from '../operators/admin.ts'
import { describe } from './objects.ts'

interface ByName {
  Params: { name: string }
}

export function secretRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  app.get(
    '/v1/secrets',
    describe('List secrets by their names, and what gets them', SecretList),
    async (request, reply) =>
      replyBody(SecretList, await ask({ request, reply }, gatewayListSecrets, {}))
  )
  app.put<ByName>(
    '/v1/secrets/:name',
    describe('Keep a secret, or change it', SecretView, SetSecret),
    async (request, reply) => {
      const wish = { ...(request.body as { value: string }), name: request.params.name }
      return replyBody(SecretView, await ask({ request, reply }, gatewaySetSecret, wish))
    }
  )
  app.delete<ByName>(
    '/v1/secrets/:name',
    describe('Forget a secret', SecretView),
    async (request, reply) => {
      const { name } = request.params
      return replyBody(SecretView, await ask({ request, reply }, gatewayRemoveSecret, { name }))
    }
  )
  app.post<ByName>(
    '/v1/secrets/:name/grants',
    describe(
      'Give a secret to a library or a function; `withdraw` takes it away',
      SecretView,
      GrantSecret
    ),
    async (request, reply) => {
      const wish = { ...(request.body as { to: string }), name: request.params.name }
      return replyBody(SecretView, await ask({ request, reply }, gatewayGrantSecret, wish))
    }
  )
}
