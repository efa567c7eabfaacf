/** Joins the replies of the mesh into one reply of `POST /v1/embeddings`. */
import { type EmbedReply } from '#shared/contracts/inference/embedding.ts'
import { decodeVector } from '#shared/contracts/inference/vectors.ts'
import type { EmbeddingsBody, EmbeddingsReply } from '#shared/contracts/http/embeddings.ts'

export function embeddingsReply(
  replies: readonly EmbedReply[],
  format: EmbeddingsBody['encoding_format'] = 'float'
): EmbeddingsReply {
  const tokens = replies.reduce((sum, { promptTokens }) => sum + promptTokens, 0)
  return {
    object: 'list',
    data: replies
      .flatMap(({ vectors }) => vectors)
      .map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: format === 'base64' ? vector : [...decodeVector(vector)]
      })),
    model: replies[0]!.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens }
  }
}
