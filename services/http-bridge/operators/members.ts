/** `/v1/admin/{invites,members}`: which machines belong to the mesh. */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import {
  approveMember,
  createInvite,
  CreatedInvite,
  CreateInviteObject,
  InviteEntry,
  InviteList,
  listInvites,
  listMembers,
  MachineName,
  MemberEntry,
  MemberList,
  removeInvite,
  renameMember,
  revokeMember,
  rotateMesh,
  type CreateInvite
} from '#shared/contracts/peers/members.ts'
import { asking, type AdminDeps } from './admin.ts'
import { describe } from './describe.ts'
import type { ById } from './operating.ts'
import { fromSnake, toSnake } from './snake-case.ts'

const RenameMember = Type.Object({ name: MachineName })
const Epoch = Type.Object({ epoch: Type.Integer() })

export function memberRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  app.post(
    '/v1/admin/invites',
    describe(
      'Invite a machine; the topic key is told this once',
      CreatedInvite,
      CreateInviteObject,
      201
    ),
    async (request, reply) => {
      const wish = fromSnake(CreateInviteObject, request.body) as CreateInvite
      const made = await ask({ request, reply }, createInvite.gateway, wish)
      return reply.code(201).header('cache-control', 'no-store').send(toSnake(CreatedInvite, made))
    }
  )
  app.get('/v1/admin/invites', describe('List the invites', InviteList), async (request, reply) =>
    toSnake(InviteList, await ask({ request, reply }, listInvites.gateway, {}))
  )
  app.delete<ById>(
    '/v1/admin/invites/:id',
    describe('Remove an invite', InviteEntry),
    async (request, reply) => {
      const { id } = request.params
      return toSnake(InviteEntry, await ask({ request, reply }, removeInvite.gateway, { id }))
    }
  )
  app.get('/v1/admin/members', describe('List the machines', MemberList), async (request, reply) =>
    toSnake(MemberList, await ask({ request, reply }, listMembers.gateway, {}))
  )
  changeRoutes(app, ask)
}

function changeRoutes(app: FastifyInstance, ask: ReturnType<typeof asking>): void {
  app.post<ById>(
    '/v1/admin/members/:id/approve',
    describe('Let a machine in that waits', MemberEntry),
    async (request, reply) => {
      const who = request.params.id
      return toSnake(MemberEntry, await ask({ request, reply }, approveMember.gateway, { who }))
    }
  )
  app.post<ById>(
    '/v1/admin/members/:id/revoke',
    describe('Remove a machine; its keys are good for nothing from then on', MemberEntry),
    async (request, reply) => {
      const who = request.params.id
      return toSnake(MemberEntry, await ask({ request, reply }, revokeMember.gateway, { who }))
    }
  )
  app.post<ById>(
    '/v1/admin/members/:id/rename',
    describe('Give a machine another name', MemberEntry, RenameMember),
    async (request, reply) => {
      const { name } = request.body as { name: string }
      const wish = { who: request.params.id, name }
      return toSnake(MemberEntry, await ask({ request, reply }, renameMember.gateway, wish))
    }
  )
  app.post(
    '/v1/admin/mesh/rotate',
    describe('Give the mesh a new epoch; whoever is in it stays', Epoch),
    async (request, reply) => toSnake(Epoch, await ask({ request, reply }, rotateMesh.gateway, {}))
  )
}
