/** `POST /v1/embeddings`. */
import type { FastifyInstance } from 'fastify'
import { EmbeddingsBody, EmbeddingsReply } from '#shared/contracts/http/embeddings.ts'
import { embed, type EmbedDeps } from '../../ask/embed.ts'
import { enterContext } from '../../ask/inference.ts'
import { bodyCompiler } from '../../http/tolerant-body.ts'
import { embeddingsReply } from './reply.ts'
import { checkEmbeddingsBody, readEmbeddings } from './request.ts'
import { answerReplies, haifHeaders } from '../route-schema.ts'

const schema = {
  operationId: 'createEmbeddings',
  tags: ['openai'],
  summary: 'Turn texts into vectors',
  headers: haifHeaders,
  body: EmbeddingsBody,
  response: answerReplies(EmbeddingsReply)
}

export function embeddingsRoute(app: FastifyInstance, deps: EmbedDeps): void {
  app.post<{ Body: EmbeddingsBody }>(
    '/v1/embeddings',
    { schema, validatorCompiler: bodyCompiler(checkEmbeddingsBody) },
    async (request, reply): Promise<EmbeddingsReply> => {
      const context = enterContext(deps, request, reply)
      const replies = await embed(deps, readEmbeddings(request.body), { request, reply, context })
      return embeddingsReply(replies, request.body.encoding_format)
    }
  )
}
