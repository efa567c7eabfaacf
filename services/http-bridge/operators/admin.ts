/** `/v1/admin/…`: tokens, tenants and the audit. A gateway answers each of these requests. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static, type TSchema } from 'typebox'
import {
  AuditEvent,
  AuditPage,
  AuditQuery,
  AuditReport,
  createToken,
  CreateToken,
  deleteTenant,
  listAudit,
  listTenants,
  listTokens,
  patchTenant,
  PatchTenant,
  patchToken,
  PatchToken,
  revokeToken,
  rotateToken,
  setTenant,
  SetTenant,
  TenantEntry,
  TenantList,
  TokenEntry,
  TokenList,
  TokenSecret,
  verifyAudit
} from '#shared/contracts/access/access.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { MethodContract } from '#shared/rpc/contract.ts'
import { sendCsv, takeFormat } from './csv.ts'
import { queryReader } from './query.ts'
import type { RunningRequests } from '../ask/running-requests.ts'
import { describe } from './describe.ts'
import { fromSnake, toSnake } from './snake-case.ts'

const ASK_MS_MAX = 15_000

export interface AdminDeps {
  gateways: PeerPool
  running: RunningRequests
}

/** Returns a function that makes one call to a gateway for one HTTP request. */
export function asking({ gateways, running }: AdminDeps) {
  return <Request extends TSchema, Reply extends TSchema>(
    http: { request: FastifyRequest; reply: FastifyReply },
    contract: MethodContract<Request, Reply>,
    request: Static<Request>
  ): Promise<Static<Reply>> => {
    const context = running.enter(http.request, http.reply, ASK_MS_MAX)
    return gateways.call(contract, request, context)
  }
}

interface ById {
  Params: { id: string }
}

export function adminRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  app.post(
    '/v1/admin/tokens',
    describe('Make a token', TokenSecret, CreateToken, 201),
    async (request, reply) => {
      const wish = fromSnake(CreateToken, request.body) as CreateToken
      const made = await ask({ request, reply }, createToken, wish)
      return reply.code(201).header('cache-control', 'no-store').send(toSnake(TokenSecret, made))
    }
  )
  app.get('/v1/admin/tokens', describe('List the tokens', TokenList), async (request, reply) =>
    toSnake(TokenList, await ask({ request, reply }, listTokens, {}))
  )
  app.delete<ById>(
    '/v1/admin/tokens/:id',
    describe('Revoke a token', TokenEntry),
    async (request, reply) =>
      toSnake(TokenEntry, await ask({ request, reply }, revokeToken, { id: request.params.id }))
  )
  app.post<ById>(
    '/v1/admin/tokens/:id/rotate',
    describe('Replace a token by one with the same rights', TokenSecret, undefined, 201),
    async (request, reply) => {
      const made = await ask({ request, reply }, rotateToken, { id: request.params.id })
      return reply.code(201).header('cache-control', 'no-store').send(toSnake(TokenSecret, made))
    }
  )
  app.post(
    '/v1/admin/tenants',
    describe('Make a tenant, or replace its limits', TenantEntry, SetTenant),
    async (request, reply) => {
      const wish = fromSnake(SetTenant, request.body) as SetTenant
      return toSnake(TenantEntry, await ask({ request, reply }, setTenant, wish))
    }
  )
  app.get('/v1/admin/tenants', describe('List the tenants', TenantList), async (request, reply) =>
    toSnake(TenantList, await ask({ request, reply }, listTenants, {}))
  )
  patchRoutes(app, ask)
  app.delete<ById>(
    '/v1/admin/tenants/:id',
    describe('Delete a tenant that has no tokens', TenantEntry),
    async (request, reply) =>
      toSnake(TenantEntry, await ask({ request, reply }, deleteTenant, { id: request.params.id }))
  )
  auditRoutes(app, ask)
}

const TenantPatch = Type.Omit(PatchTenant, ['id'])
const TokenPatch = Type.Omit(PatchToken, ['id'])

function patchRoutes(app: FastifyInstance, ask: ReturnType<typeof asking>): void {
  app.patch<ById>(
    '/v1/admin/tenants/:id',
    describe('Change some limits of a tenant; null lifts one', TenantEntry, TenantPatch),
    async (request, reply) => {
      const patch = fromSnake(TenantPatch, request.body) as Omit<PatchTenant, 'id'>
      const wish = { ...patch, id: request.params.id }
      return toSnake(TenantEntry, await ask({ request, reply }, patchTenant, wish))
    }
  )
  app.patch<ById>(
    '/v1/admin/tokens/:id',
    describe('Change some limits of a token; null lifts one', TokenEntry, TokenPatch),
    async (request, reply) => {
      const patch = fromSnake(TokenPatch, request.body) as Omit<PatchToken, 'id'>
      const wish = { ...patch, id: request.params.id }
      return toSnake(TokenEntry, await ask({ request, reply }, patchToken, wish))
    }
  )
}

const readAuditQuery = queryReader(AuditQuery, ['from', 'to'])

function auditRoutes(app: FastifyInstance, ask: ReturnType<typeof asking>): void {
  app.get(
    '/v1/admin/audit',
    describe('Read the audit, the newest first; `format=csv` for a table', AuditPage),
    async (request, reply) => {
      const { wantsCsv, query } = takeFormat(request.query)
      const wanted = readAuditQuery(query)
      const page = await ask({ request, reply }, listAudit, wanted)
      return wantsCsv ? sendCsv(reply, AuditEvent, page.events) : toSnake(AuditPage, page)
    }
  )
  app.get(
    '/v1/admin/audit/verify',
    describe('Check every chain of the audit', AuditReport),
    async (request, reply) => toSnake(AuditReport, await ask({ request, reply }, verifyAudit, {}))
  )
}
