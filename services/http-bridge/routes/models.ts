/** `GET /v1/models`: what can be asked for in `model`. */
import type { FastifyInstance } from 'fastify'
import { ErrorBody } from '#shared/contracts/http-error.ts'
import { ModelsReply, type HttpModel } from '#shared/contracts/http-models.ts'
import { gatewayModels, type ModelEntry } from '#shared/contracts/peers.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { readTraceparent } from '../request-headers.ts'
import type { RunningRequests } from '../running-requests.ts'

const LIST_MS_MAX = 5000

export interface ModelsDeps {
  gateways: PeerPool
  running: RunningRequests
}

export function modelsRoute(app: FastifyInstance, { gateways, running }: ModelsDeps): void {
  const schema = {
    operationId: 'listModels',
    tags: ['models'],
    summary: 'List the models of the mesh',
    response: { 200: ModelsReply, 503: ErrorBody }
  }
  app.get('/v1/models', { schema }, async (request, reply): Promise<ModelsReply> => {
    const context = running.enter(reply.raw, {
      requestId: request.id,
      traceparent: readTraceparent(request.headers),
      timeoutMs: LIST_MS_MAX
    })
    const { models } = await gateways.call(gatewayModels, {}, context)
    return { object: 'list', data: models.map((model) => toHttpModel(model)) }
  })
}

function toHttpModel({ name, createdAt, digest, contextTokens, ...rest }: ModelEntry): HttpModel {
  const model: HttpModel = {
    id: name,
    object: 'model',
    created: createdAt,
    owned_by: 'haif',
    digest,
    context_length: contextTokens,
    engine: rest.engine,
    workers: rest.workers.length,
    workers_loadable: rest.loadable?.length ?? 0
  }
  const { quantization, parameters, sizeBytes, chatTemplate, capabilities } = rest
  if (quantization !== undefined) model.quantization = quantization
  if (parameters !== undefined) model.parameters = parameters
  if (sizeBytes !== undefined) model.size_bytes = sizeBytes
  if (chatTemplate !== undefined) model.chat_template = chatTemplate
  if (capabilities !== undefined) {
    const { jsonSchema, ...others } = capabilities
    model.capabilities = { ...others, json_schema: jsonSchema }
  }
  return model
}
