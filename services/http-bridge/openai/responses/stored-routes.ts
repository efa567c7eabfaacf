/** `/v1/responses/{id}`: reads and deletes a response that was kept, for its owner only. */
import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { identify } from '#shared/contracts/access/access.ts'
import {
  DeletedResponse,
  ResponseEvent,
  ResponseObject,
  StoredItems
} from '#shared/contracts/http/responses.ts'
import { HaifError } from '#shared/errors.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { enterContext, type InferenceDeps } from '../../ask/inference.ts'
import { invalid, unsupported } from '../../http/refusal.ts'
import { answerReplies, errorReplies } from '../route-schema.ts'
import type { BackgroundResponses } from './background.ts'
import { pageOf } from './input-items.ts'
import { sendLog } from './send-log.ts'
import type { ResponseStore } from './store.ts'

const ResponseParams = Type.Object({ id: Type.String() })
type ResponseParams = Static<typeof ResponseParams>

export interface ResponsesDeps extends InferenceDeps {
  responses: ResponseStore
  background: BackgroundResponses
}

export function storedRoutes(app: FastifyInstance, deps: ResponsesDeps): void {
  const { responses, background, gateways } = deps
  const ownerFor = (request: FastifyRequest, reply: FastifyReply) =>
    ownerOf(gateways, enterContext(deps, request, reply))
  /** The response as far as it has come. */
  const find = (id: string, owner: string): ResponseObject => {
    const response = background.get(id, owner)?.response ?? responses.get(id, owner)?.response
    if (response === undefined) throw notKept(id)
    return response
  }

  app.get<{ Params: ResponseParams }>(
    '/v1/responses/:id',
    { schema: getSchema },
    async (request, reply) => {
      const { id } = request.params
      const context = enterContext(deps, request, reply)
      const owner = await ownerOf(gateways, context)
      const { stream, starting_after: after } = request.query as Record<string, string>
      const response = find(id, owner)
      if (stream !== 'true') return response
      const log = background.get(id, owner)?.log
      if (log !== undefined) return sendLog(log, numberIn(after), { request, reply, context, deps })
      throw unsupported('stream', 'only a response in the background can be streamed again')
    }
  )

  app.delete<{ Params: ResponseParams }>(
    '/v1/responses/:id',
    { schema: deleteSchema },
    async (request, reply): Promise<Static<typeof DeletedResponse>> => {
      const { id } = request.params
      const owner = await ownerFor(request, reply)
      await background.cancel(id, owner)
      background.forget(id, owner)
      if (!responses.delete(id, owner)) throw notKept(id)
      return { id, object: 'response', deleted: true }
    }
  )

  app.post<{ Params: ResponseParams }>(
    '/v1/responses/:id/cancel',
    { schema: cancelSchema },
    async (request, reply) => {
      const { id } = request.params
      const owner = await ownerFor(request, reply)
      const response = find(id, owner)
      if (!response.background) {
        throw unsupported('background', 'only a response in the background can be cancelled')
      }
      await background.cancel(id, owner)
      return find(id, owner)
    }
  )

  app.get<{ Params: ResponseParams }>(
    '/v1/responses/:id/input_items',
    { schema: itemsSchema },
    async (request, reply) => {
      const { id } = request.params
      const owner = await ownerFor(request, reply)
      const stored = responses.get(id, owner)
      if (stored === undefined) throw notKept(id)
      return pageOf(stored.input, request.query)
    }
  )
}

/** The number of an event; -1 stands before the first one. */
function numberIn(text: string | undefined): number {
  if (text === undefined || text === '') return -1
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw invalid('starting_after', 'starting_after must be the sequence_number of an event')
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
  description:
    'With `?stream=true` the events of a response in the background, those behind number ' +
    '`starting_after` or all.',
  params: ResponseParams,
  response: answerReplies(ResponseObject, ResponseEvent)
}
const cancelSchema = {
  operationId: 'cancelResponse',
  tags: ['openai'],
  summary: 'End a response in the background',
  params: ResponseParams,
  response: { 200: ResponseObject, ...errorReplies }
}
const itemsSchema = {
  operationId: 'listInputItems',
  tags: ['openai'],
  summary: 'Read what a response was asked',
  params: ResponseParams,
  response: { 200: StoredItems, ...errorReplies }
}
const deleteSchema = {
  operationId: 'deleteResponse',
  tags: ['openai'],
  summary: 'Forget a response',
  params: ResponseParams,
  response: { 200: DeletedResponse, ...errorReplies }
}
