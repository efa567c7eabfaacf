/** `POST /v1/embeddings`. https://platform.openai.com/docs/api-reference/embeddings */
import { Type, type Static } from 'typebox'
import { TEXT_CHARACTERS_MAX } from '../inference/chat.ts'
import { EmbedAsked, INPUT_TOKENS_MAX } from '../inference/embedding.ts'

/** As in OpenAI's API; the bridge asks the mesh for a part of them at a time. */
const HTTP_INPUTS_MAX = 2048

const InputText = Type.String({ minLength: 1, maxLength: TEXT_CHARACTERS_MAX })
const InputTokens = Type.Array(Type.Integer({ minimum: 0 }), {
  minItems: 1,
  maxItems: INPUT_TOKENS_MAX
})

export const EmbeddingsBody = Type.Object(
  {
    model: EmbedAsked.properties.model,
    input: Type.Union(
      [
        InputText,
        Type.Array(InputText, { minItems: 1, maxItems: HTTP_INPUTS_MAX }),
        InputTokens,
        Type.Array(InputTokens, { minItems: 1, maxItems: HTTP_INPUTS_MAX })
      ],
      {
        description: 'A text, several, or the ids of the tokens of the model, or several of those.'
      }
    ),
    encoding_format: Type.Optional(
      Type.Union([Type.Literal('float'), Type.Literal('base64')], {
        default: 'float',
        description: '`base64`: 32-bit little-endian floats.'
      })
    ),
    user: Type.Optional(Type.String({ maxLength: 1024 }))
  },
  {
    title: 'Embeddings',
    description: 'A field that is null counts as absent; unknown fields are ignored.',
    examples: [{ model: 'haif-tiny', input: 'What is HAIF?' }]
  }
)
export type EmbeddingsBody = Static<typeof EmbeddingsBody>

export const EmbeddingsReply = Type.Object(
  {
    object: Type.Literal('list'),
    data: Type.Array(
      Type.Object({
        object: Type.Literal('embedding'),
        index: Type.Integer(),
        embedding: Type.Union([Type.Array(Type.Number()), Type.String()], {
          description: 'Of length 1.'
        })
      })
    ),
    model: Type.String(),
    usage: Type.Object({ prompt_tokens: Type.Integer(), total_tokens: Type.Integer() })
  },
  { title: 'Embeddings' }
)
export type EmbeddingsReply = Static<typeof EmbeddingsReply>
