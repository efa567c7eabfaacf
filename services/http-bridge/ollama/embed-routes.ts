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
import { fieldsApplier } from '../http/fields.ts'
import { bodyChecker, bodyCompiler } from '../http/tolerant-body.ts'
import { OLLAMA_FIELDS } from './field-table.ts'
import { findModel } from './models.ts'
import { nanoseconds } from './reply.ts'

export const checkEmbedBody = bodyChecker(
  OllamaEmbedBody,
  fieldsApplier({ fields: OLLAMA_FIELDS.embed })
)
export const checkEmbeddingsBody = bodyChecker(
  OllamaEmbeddingsBody,
  fieldsApplier({ fields: OLLAMA_FIELDS.embeddings })
)

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
    {
      // Only where a schema has a body is the body checked.
      schema: { hide: true, body: OllamaEmbeddingsBody },
      validatorCompiler: bodyCompiler(checkEmbeddingsBody)
    },
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
