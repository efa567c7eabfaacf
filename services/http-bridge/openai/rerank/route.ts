/**
 * `POST /v1/rerank`: by embeddings, with any model that makes them. No engine here runs a model
 * that reads a query and a document together, which orders better and costs more.
 */
import type { FastifyInstance } from 'fastify'
import { RerankBody, RerankReply } from '#shared/contracts/http/rerank.ts'
import { decodeVector } from '#shared/contracts/inference/vectors.ts'
import { embed, type EmbedDeps } from '../../ask/embed.ts'
import { enterContext } from '../../ask/inference.ts'
import { replyId } from '../../http/reply-id.ts'
import { bodyChecker, bodyCompiler } from '../../http/tolerant-body.ts'
import { answerReplies, haifHeaders } from '../route-schema.ts'
import { rank } from './rank.ts'

export const checkRerankBody = bodyChecker(RerankBody, (fields) => fields)

const schema = {
  operationId: 'rerank',
  tags: ['openai'],
  summary: 'Order documents by how near their embeddings are to that of a query',
  headers: haifHeaders,
  body: RerankBody,
  response: answerReplies(RerankReply)
}

export function rerankRoute(app: FastifyInstance, deps: EmbedDeps): void {
  app.post<{ Body: RerankBody }>(
    '/v1/rerank',
    { schema, validatorCompiler: bodyCompiler(checkRerankBody) },
    async (request, reply): Promise<RerankReply> => {
      const { model, query, documents, top_n: first = 0, return_documents: shows } = request.body
      const texts = documents.map((one) => (typeof one === 'string' ? one : one.text))
      const context = enterContext(deps, request, reply)
      const asked = { inputs: [query, ...texts], ...(model === undefined ? {} : { model }) }
      const replies = await embed(deps, asked, { request, reply, context })
      const vectors = replies.flatMap((one) => one.vectors.map((vector) => decodeVector(vector)))
      const tokens = replies.reduce((sum, { promptTokens }) => sum + promptTokens, 0)
      const ranked = rank(vectors[0]!, vectors.slice(1), first === 0 ? undefined : first)
      return {
        id: replyId('rerank-', request.id),
        object: 'list',
        model: replies[0]!.model,
        results: ranked.map(({ index, score }) => ({
          index,
          relevance_score: score,
          ...(shows === true ? { document: { text: texts[index]! } } : {})
        })),
        usage: { prompt_tokens: tokens, total_tokens: tokens }
      }
    }
  )
}
