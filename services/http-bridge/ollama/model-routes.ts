/** What Ollama tells about models: which there are, which are ready, what one can do. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  OllamaErrorBody,
  OllamaModelBody,
  OllamaModels,
  OllamaShowReply
} from '#shared/contracts/http/ollama.ts'
import type { ModelEntry } from '#shared/contracts/peers/peers.ts'
import { HaifError } from '#shared/errors.ts'
import type { InferenceDeps } from '../ask/inference.ts'
import { LineWriter } from '../http/stream/line-writer.ts'
import { invalid } from '../http/refusal.ts'
import { bodyChecker, bodyCompiler } from '../http/tolerant-body.ts'
import {
  findModel,
  modelMissing,
  modelsOf,
  toOllamaModel,
  toRunningModel,
  toShowReply
} from './models.ts'

/** The version of Ollama's API that these routes follow: clients refuse servers that seem older. */
const API_VERSION = '0.13.0'
const LIST_MS_MAX = 5000

const failed = {
  default: {
    description: 'What went wrong.',
    content: { 'application/json': { schema: OllamaErrorBody } }
  }
}
const tags = ['ollama']
export const checkModelBody = bodyChecker(OllamaModelBody, (fields) => fields)
const validatorCompiler = bodyCompiler(checkModelBody)

type ModelDeps = Pick<InferenceDeps, 'gateways' | 'running' | 'version'>
type ModelRequest = FastifyRequest<{ Body: OllamaModelBody }>

export function modelRoutes(app: FastifyInstance, deps: ModelDeps): void {
  const enter = (request: FastifyRequest, reply: FastifyReply) =>
    deps.running.enter(request, reply, LIST_MS_MAX)
  const find = async (request: ModelRequest, reply: FastifyReply): Promise<ModelEntry> => {
    const name = readModelName(request.body)
    const { entry } = await findModel(deps.gateways, name, enter(request, reply))
    if (entry === undefined) throw modelMissing(name)
    return entry
  }
  const listed = { 200: OllamaModels, ...failed }
  app.get(
    '/api/tags',
    { schema: { operationId: 'ollamaTags', tags, summary: 'List the models', response: listed } },
    async (request, reply): Promise<OllamaModels> => {
      const models = await modelsOf(deps.gateways, enter(request, reply))
      return { models: models.map((model) => toOllamaModel(model)) }
    }
  )
  app.get(
    '/api/ps',
    { schema: { operationId: 'ollamaPs', tags, summary: 'List ready models', response: listed } },
    async (request, reply): Promise<OllamaModels> => {
      const models = await modelsOf(deps.gateways, enter(request, reply))
      const ready = models.filter(({ workers }) => workers.length > 0)
      return { models: ready.map((model) => toRunningModel(model)) }
    }
  )
  const shown = { 200: OllamaShowReply, ...failed }
  const body = OllamaModelBody
  app.post<{ Body: OllamaModelBody }>(
    '/api/show',
    {
      schema: {
        operationId: 'ollamaShow',
        tags,
        summary: 'Tell of a model',
        body,
        response: shown
      },
      validatorCompiler
    },
    async (request, reply) => toShowReply(await find(request, reply))
  )
  app.post<{ Body: OllamaModelBody }>(
    '/api/pull',
    { schema: { hide: true, body }, validatorCompiler },
    async (request, reply) => {
      const { digest } = await find(request, reply).catch(notFetched)
      if (request.body.stream === false) return { status: 'success' }
      const lines = new LineWriter(reply, LIST_MS_MAX, () => {})
      for (const status of ['pulling manifest', `verifying ${digest}`, 'success']) {
        lines.line({ status })
      }
      return lines.end()
    }
  )
  app.get('/api/version', { schema: { hide: true } }, async () => ({
    version: API_VERSION,
    haif: deps.version
  }))
  refuseChanges(app)
}

/** `name` is what older clients say. */
export function readModelName({ model, name }: OllamaModelBody): string {
  const wanted = model ?? name
  if (wanted === undefined) throw invalid('model', 'model is missing')
  return wanted
}

function notFetched(error: unknown): never {
  if (!(error instanceof HaifError) || error.code !== 'MODEL_NOT_FOUND') throw error
  throw new HaifError(
    'MODEL_NOT_FOUND',
    `${error.message}; "haif join … --model URI" on a machine of the mesh brings one`
  )
}

/** What would change the machines of a mesh is not for whoever may ask its models. */
function refuseChanges(app: FastifyInstance): void {
  const refuse = (what: string) => async () => {
    throw new HaifError(
      'UNSUPPORTED_PARAMETER',
      `${what} is not supported here: models belong to the workers, "haif join --model" says which`
    )
  }
  const hidden = { schema: { hide: true } }
  app.delete('/api/delete', hidden, refuse('deleting a model'))
  for (const name of ['create', 'copy', 'push']) {
    app.post(`/api/${name}`, hidden, refuse(`/api/${name}`))
  }
}
