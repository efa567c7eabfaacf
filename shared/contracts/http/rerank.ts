/**
 * `POST /v1/rerank`, as Jina, Cohere and vLLM have it.
 * https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#re-rank-api
 */
import { Type, type Static } from 'typebox'
import { TEXT_CHARACTERS_MAX } from '../inference/chat.ts'
import { EmbedAsked } from '../inference/embedding.ts'

/** With the query as many texts as a request for embeddings may have. */
const DOCUMENTS_MAX = 2047

const Text = Type.String({ minLength: 1, maxLength: TEXT_CHARACTERS_MAX })

export const RerankBody = Type.Object(
  {
    model: EmbedAsked.properties.model,
    query: Text,
    documents: Type.Array(Type.Union([Text, Type.Object({ text: Text })]), {
      minItems: 1,
      maxItems: DOCUMENTS_MAX
    }),
    top_n: Type.Optional(Type.Integer({ minimum: 0, description: '0 or absent: all of them.' })),
    return_documents: Type.Optional(Type.Boolean())
  },
  {
    title: 'Rerank',
    description: 'A field that is null counts as absent; unknown fields are ignored.',
    examples: [{ query: 'What is HAIF?', documents: ['An AI mesh.', 'A kind of cheese.'] }]
  }
)
export type RerankBody = Static<typeof RerankBody>

export const RerankReply = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('list'),
    model: Type.String(),
    results: Type.Array(
      Type.Object({
        index: Type.Integer({ description: 'The place of the document in the request.' }),
        relevance_score: Type.Number({
          description: 'The cosine of the angle between the two embeddings, from -1 to 1.'
        }),
        document: Type.Optional(Type.Object({ text: Type.String() }))
      }),
      { description: 'The best first.' }
    ),
    usage: Type.Object({ prompt_tokens: Type.Integer(), total_tokens: Type.Integer() })
  },
  { title: 'Rerank reply' }
)
export type RerankReply = Static<typeof RerankReply>
