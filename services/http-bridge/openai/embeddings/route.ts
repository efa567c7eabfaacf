/** `POST /v1/embeddings`. */
import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { gatewayEmbed, type EmbedReply } from '#shared/contracts/inference/embedding.ts'
import { EmbeddingsBody, EmbeddingsReply } from '#shared/contracts/http/embeddings.ts'
import { onWay } from '#shared/contracts/inference/request.ts'
import { enterContext, type InferenceDeps } from '../../ask/inference.ts'
import { setLimitHeaders } from '../../http/limit-headers.ts'
import { bodyCompiler } from '../../http/tolerant-body.ts'
import { embeddingsReply } from './reply.ts'
import { askedGroups, checkEmbeddingsBody } from './request.ts'
import { answerReplies, haifHeaders } from '../route-schema.ts'

const schema = {
  operationId: 'createEmbeddings',
  tags: ['openai'],
  summary: 'Turn texts into vectors',
  headers: haifHeaders,
  body: EmbeddingsBody,
  response: answerReplies(EmbeddingsReply)
}

type EmbeddingsDeps = Pick<InferenceDeps, 'gateways' | 'running' | 'timeoutMsMax'>

export function embeddingsRoute(app: FastifyInstance, deps: EmbeddingsDeps): void {
  app.post<{ Body: EmbeddingsBody }>(
    '/v1/embeddings',
    { schema, validatorCompiler: bodyCompiler(checkEmbeddingsBody) },
    async (request, reply): Promise<EmbeddingsReply> => {
      const context = enterContext(deps, request, reply)
      const replies: EmbedReply[] = []
      for (const asked of askedGroups(request.body)) {
        let way = 0
        const charge = { caller: request.ip, usageId: randomUUID() }
        const embed = () => ({ asked, charge: onWay(charge, way++) })
        // One at a time: a caller with many inputs takes no more of the mesh than one with few.
        replies.push(await deps.gateways.call(gatewayEmbed, embed, context))
      }
      const { worker, limits } = replies.at(-1)!
      if (worker !== undefined) reply.header('x-haif-worker', worker)
      if (limits !== undefined) setLimitHeaders(reply.raw, limits)
      return embeddingsReply(replies, request.body.encoding_format)
    }
  )
}
