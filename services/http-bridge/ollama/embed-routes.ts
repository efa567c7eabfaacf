/** `POST /api/embed`, and the older `POST /api/embeddings`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  OllamaEmbedBody,
  OllamaEmbeddingsBody,
  OllamaEmbedReply,
  OllamaErrorBody
} from '#shared/contracts/http/ollama.ts'
import type { EmbedReply } from '#shared/contracts/inference/embedding.ts'
import { decodeVector } from '#shared/contracts/inference/vectors.ts'
import { embed, type EmbedDeps } from '../ask/embed.ts'
import { enterContext } from '../ask/inference.ts'
import type { Fields } from '../chat/past/calls.ts'
import { bodyChecker, bodyCompiler, refuseFields } from '../http/tolerant-body.ts'
import { findModel } from './models.ts'
import { EMBED_REFUSALS } from './refusals.ts'
import { nanoseconds } from './reply.ts'

/** `truncate` asks for nothing here: a text that is too long is refused and not cut in silence. */
const mend = (fields: Fields): Fields => refuseFields(fields, EMBED_REFUSALS)

export const checkEmbedBody = bodyChecker(OllamaEmbedBody, mend)
const checkEmbeddingsBody = bodyChecker(OllamaEmbeddingsBody, mend)

export function embedRoutes(app: FastifyInstance, deps: EmbedDeps): void {
  const schema = {
    operationId: 'ollamaEmbed',
    tags: ['ollama'],
    summary: 'Turn texts into vectors',
    body: OllamaEmbedBody,
    response: {
      200: OllamaEmbedReply,
      default: {
        description: 'What went wrong.',
        content: { 'application/json': { schema: OllamaErrorBody } }
      }
    }
  }
  app.post<{ Body: OllamaEmbedBody }>(
    '/api/embed',
    { schema, validatorCompiler: bodyCompiler(checkEmbedBody) },
    async (request, reply): Promise<OllamaEmbedReply> => {
      const startedAt = performance.now()
      const { model, input } = request.body
      const inputs = typeof input === 'string' ? [input] : input
      const replies = await ask(deps, request, reply, { model, inputs })
      return {
        model: replies[0]!.model,
        embeddings: vectorsOf(replies),
        total_duration: nanoseconds(performance.now() - startedAt),
        load_duration: 0,
        prompt_eval_count: replies.reduce((sum, { promptTokens }) => sum + promptTokens, 0)
      }
    }
  )
  app.post<{ Body: OllamaEmbeddingsBody }>(
    '/api/embeddings',
    { schema: { hide: true }, validatorCompiler: bodyCompiler(checkEmbeddingsBody) },
    async (request, reply) => {
      const { model, prompt } = request.body
      const [embedding] = vectorsOf(await ask(deps, request, reply, { model, inputs: [prompt] }))
      return { embedding }
    }
  )
}

async function ask(
  deps: EmbedDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  asked: { model: string; inputs: Parameters<typeof embed>[1]['inputs'] }
): Promise<EmbedReply[]> {
  const context = enterContext(deps, request, reply)
  const { name } = await findModel(deps.gateways, asked.model, context)
  return embed(deps, { ...asked, model: name }, { request, reply, context })
}

const vectorsOf = (replies: readonly EmbedReply[]): number[][] =>
  replies.flatMap(({ vectors }) => vectors).map((vector) => [...decodeVector(vector)])
