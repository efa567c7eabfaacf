/** `/v1/responses/{id}`: reads and deletes a response that was kept, for its owner only. */
import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { identify } from '#shared/contracts/access/access.ts'
import { DeletedResponse, ResponseObject } from '#shared/contracts/http/responses.ts'
import { HaifError } from '#shared/errors.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { enterContext, type InferenceDeps } from '../../ask/inference.ts'
import { unsupported } from '../../http/refusal.ts'
import { errorReplies } from '../route-schema.ts'
import type { ResponseStore } from './store.ts'

const ResponseParams = Type.Object({ id: Type.String() })
type ResponseParams = Static<typeof ResponseParams>

export interface ResponsesDeps extends InferenceDeps {
  responses: ResponseStore
}

export function storedRoutes(app: FastifyInstance, deps: ResponsesDeps): void {
  const { responses, gateways } = deps
  const ownerFor = (request: FastifyRequest, reply: FastifyReply) =>
    ownerOf(gateways, enterContext(deps, request, reply))

  app.get<{ Params: ResponseParams }>(
    '/v1/responses/:id',
    { schema: getSchema },
    async (request, reply) => {
      const { id } = request.params
      const stored = responses.get(id, await ownerFor(request, reply))
      if (stored === undefined) throw notKept(id)
      return stored.response
    }
  )

  app.delete<{ Params: ResponseParams }>(
    '/v1/responses/:id',
    { schema: deleteSchema },
    async (request, reply): Promise<Static<typeof DeletedResponse>> => {
      const { id } = request.params
      if (!responses.delete(id, await ownerFor(request, reply))) throw notKept(id)
      return { id, object: 'response', deleted: true }
    }
  )

  app.post<{ Params: ResponseParams }>(
    '/v1/responses/:id/cancel',
    { schema: { hide: true } },
    async (request, reply) => {
      const { id } = request.params
      if (responses.get(id, await ownerFor(request, reply)) === undefined) throw notKept(id)
      throw unsupported('background', 'only a response in the background can be cancelled')
    }
  )
}

/**
 * The owner of a response: the same text for every request with the same token, and for no other.
 * The token itself is not kept. Where the mesh needs no token, a client with another one, or with
 * none, counts as another owner. Throws UNAUTHENTICATED or FORBIDDEN.
 */
export async function ownerOf(gateways: PeerPool, context: RequestContext): Promise<string> {
  const { tenant, tokenId } = await gateways.call(identify, { capability: 'infer' }, context)
  const shown = tokenId === undefined ? (context.shows?.token ?? null) : null
  return createHash('sha256')
    .update(JSON.stringify([tenant, tokenId ?? null, shown]))
    .digest('base64')
}

const notKept = (id: string): HaifError =>
  new HaifError('NOT_FOUND', `${id.slice(0, 64)} is not kept here (any more)`, {
    details: { param: 'response_id' }
  })

const getSchema = {
  operationId: 'getResponse',
  tags: ['openai'],
  summary: 'Read a response that was kept',
  params: ResponseParams,
  response: { 200: ResponseObject, ...errorReplies }
}
const deleteSchema = {
  operationId: 'deleteResponse',
  tags: ['openai'],
  summary: 'Forget a response',
  params: ResponseParams,
  response: { 200: DeletedResponse, ...errorReplies }
}
