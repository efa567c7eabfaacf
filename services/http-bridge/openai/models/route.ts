/** `GET /v1/models` and `/v1/models/{id}`: the models that requests may name. */
import { Type, type Static } from 'typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HttpModel, ModelsReply } from '#shared/contracts/http/models.ts'
import { gatewayModels, type ModelEntry } from '#shared/contracts/peers/peers.ts'
import { modelNotFound } from '#shared/inference/model-not-found.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { errorReplies } from '../route-schema.ts'
import type { RunningRequests } from '../../ask/running-requests.ts'

const LIST_MS_MAX = 5000

const ModelParams = Type.Object({ id: Type.String() })
type ModelParams = Static<typeof ModelParams>

interface ModelsDeps {
  gateways: PeerPool
  running: RunningRequests
}

export function modelsRoute(app: FastifyInstance, deps: ModelsDeps): void {
  const list = {
    operationId: 'listModels',
    tags: ['openai'],
    summary: 'List the models of the mesh',
    response: { 200: ModelsReply, ...errorReplies }
  }
  app.get('/v1/models', { schema: list }, async (request, reply): Promise<ModelsReply> => {
    const models = await readModels(deps, request, reply)
    return { object: 'list', data: models.map((model) => toHttpModel(model)) }
  })
  const one = {
    operationId: 'getModel',
    tags: ['openai'],
    summary: 'What is known of one model',
    params: ModelParams,
    response: { 200: HttpModel, ...errorReplies }
  }
  const find = async (name: string, request: FastifyRequest, reply: FastifyReply) => {
    const models = await readModels(deps, request, reply)
    const model = models.find((each) => each.name === name)
    if (model !== undefined) return toHttpModel(model)
    throw modelNotFound(
      name,
      models.map((each) => each.name)
    )
  }
  app.get<{ Params: ModelParams }>('/v1/models/:id', { schema: one }, (request, reply) =>
    find(request.params.id, request, reply)
  )
  // Names of the Hugging Face hub have slashes, and not every client escapes them.
  app.get<{ Params: { '*': string } }>(
    '/v1/models/*',
    { schema: { hide: true } },
    (request, reply) => find(request.params['*'], request, reply)
  )
}

async function readModels(
  { gateways, running }: ModelsDeps,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<ModelEntry[]> {
  const context = running.enter(request, reply, LIST_MS_MAX)
  const { models } = await gateways.call(gatewayModels, {}, context)
  return models
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
  const { slots, quantization, parameters, sizeBytes, chatTemplate, capabilities } = rest
  if (slots !== undefined) model.slots = slots
  if (quantization !== undefined) model.quantization = quantization
  if (parameters !== undefined) model.parameters = parameters
  if (sizeBytes !== undefined) model.size_bytes = sizeBytes
  if (rest.default === true) model.default = true
  if (chatTemplate !== undefined) model.chat_template = chatTemplate
  if (capabilities !== undefined) {
    const { jsonSchema, ...others } = capabilities
    model.capabilities = { ...others, json_schema: jsonSchema }
  }
  return model
}
