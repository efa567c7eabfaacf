/** `GET /v1/models`: OpenAI's list, and what HAIF knows beyond it. */
import { Type, type Static } from 'typebox'

export const HttpModel = Type.Object({
  id: Type.String({ description: 'The name to put into `model`.' }),
  object: Type.Literal('model'),
  created: Type.Integer({
    description: 'When the first worker brought it, in seconds since 1970.'
  }),
  owned_by: Type.Literal('haif'),
  digest: Type.String({
    description: 'SHA-256 of the model file, hex; empty while no worker has looked into it.'
  }),
  context_length: Type.Integer({
    description: 'Tokens that prompt and answer may have together; 0 while not known.'
  }),
  slots: Type.Optional(
    Type.Integer({ description: 'Answers at a time on all workers that hold it ready.' })
  ),
  quantization: Type.Optional(Type.String()),
  parameters: Type.Optional(Type.Integer({ description: 'How many the model has.' })),
  size_bytes: Type.Optional(Type.Integer({ description: 'Of the model file.' })),
  chat_template: Type.Optional(
    Type.Boolean({ description: 'Whether the model has a chat template of its own.' })
  ),
  capabilities: Type.Optional(
    Type.Object({
      tools: Type.Boolean(),
      json_schema: Type.Boolean(),
      embeddings: Type.Boolean(),
      reasoning: Type.Boolean(),
      vision: Type.Boolean()
    })
  ),
  engine: Type.String({ description: 'What runs it: `llama`, `openai` or `sim`.' }),
  workers: Type.Integer({ description: 'How many workers hold it ready.' }),
  workers_loadable: Type.Optional(
    Type.Integer({ description: 'How many more would load it for a request.' })
  ),
  default: Type.Optional(
    Type.Boolean({ description: 'Whether it answers your requests that name no model.' })
  )
})
export type HttpModel = Static<typeof HttpModel>

export const ModelsReply = Type.Object(
  { object: Type.Literal('list'), data: Type.Array(HttpModel) },
  {
    description: 'The models of the mesh.',
    examples: [
      {
        object: 'list',
        data: [
          {
            id: 'haif-tiny',
            object: 'model',
            created: 1767225600,
            owned_by: 'haif',
            digest: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
            context_length: 2048,
            quantization: 'F16',
            engine: 'llama',
            workers: 2
          }
        ]
      }
    ]
  }
)
export type ModelsReply = Static<typeof ModelsReply>
