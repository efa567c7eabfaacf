/**
 * Ollama's API, as its clients send and read it. Replies are streams of lines unless `stream` is
 * false. Unknown fields are ignored; what is known and cannot be done is refused with its name.
 * https://github.com/ollama/ollama/blob/main/docs/api.md
 */
import { Type, type Static } from 'typebox'
import { TEXT_CHARACTERS_MAX, Tool, TOOLS_MAX } from '../inference/chat.ts'
import { EmbedAsked } from '../inference/embedding.ts'
import { ModelName } from '../inference/model-name.ts'
import { Asked, Sampling } from '../inference/request.ts'
import { Anything } from './openai.ts'
import { NativeInferBody } from './infer.ts'

const OLLAMA_MESSAGES_MAX = 16_384
const IMAGES_MAX = 64

const Text = Type.String({ maxLength: TEXT_CHARACTERS_MAX })
const Images = Type.Optional(Type.Array(Type.Unknown(), { maxItems: IMAGES_MAX }))

/** Whether the model thinks, or how long. */
const Think = Type.Optional(
  Type.Union([
    Type.Boolean(),
    Type.Literal('low'),
    Type.Literal('medium'),
    Type.Literal('high'),
    Type.Literal('max')
  ])
)
/** A JSON schema, or any JSON. */
const Format = Type.Optional(Type.Union([Type.Literal('json'), Anything]))
/** -1 and -2: as much as the context holds. */
const NumPredict = Type.Optional(Type.Integer({ minimum: -2 }))

export const OllamaOptions = Type.Object({
  temperature: Sampling.properties.temperature,
  top_p: Sampling.properties.topP,
  top_k: Sampling.properties.topK,
  min_p: Sampling.properties.minP,
  seed: Type.Optional(
    Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })
  ),
  repeat_penalty: Sampling.properties.repeatPenalty,
  frequency_penalty: Sampling.properties.frequencyPenalty,
  presence_penalty: Sampling.properties.presencePenalty,
  num_predict: NumPredict,
  stop: NativeInferBody.properties.stop
})
export type OllamaOptions = Static<typeof OllamaOptions>

const common = {
  model: ModelName,
  stream: Type.Optional(Type.Boolean({ default: true })),
  format: Format,
  think: Think,
  options: Type.Optional(OllamaOptions),
  logprobs: Type.Optional(Type.Boolean()),
  top_logprobs: Asked.properties.topLogprobs
}

const OllamaMessage = Type.Object({
  role: Type.String({ maxLength: 32 }),
  content: Type.Optional(Text),
  thinking: Type.Optional(Text),
  images: Images,
  tool_calls: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 128 })),
  tool_name: Type.Optional(Type.String({ maxLength: 256 })),
  tool_call_id: Type.Optional(Type.String({ maxLength: 1024 }))
})

const OllamaTool = Type.Object({
  type: Type.Literal('function'),
  function: Type.Object({
    name: Tool.properties.name,
    description: Tool.properties.description,
    parameters: Tool.properties.parameters
  })
})

export const OllamaChatBody = Type.Object(
  {
    ...common,
    messages: Type.Optional(Type.Array(OllamaMessage, { maxItems: OLLAMA_MESSAGES_MAX })),
    tools: Type.Optional(Type.Array(OllamaTool, { maxItems: TOOLS_MAX }))
  },
  {
    title: 'Ollama chat',
    description: 'Without messages the model is only looked for.',
    examples: [{ model: 'haif-tiny', messages: [{ role: 'user', content: 'What is HAIF?' }] }]
  }
)
export type OllamaChatBody = Static<typeof OllamaChatBody>

export const OllamaGenerateBody = Type.Object(
  {
    ...common,
    prompt: Type.Optional(Text),
    system: Type.Optional(Text),
    raw: Type.Optional(Type.Boolean({ description: 'The prompt goes to the model as it is.' }))
  },
  {
    title: 'Ollama prompt',
    description: 'Without a prompt the model is only looked for.',
    examples: [{ model: 'haif-tiny', prompt: 'What is HAIF?' }]
  }
)
export type OllamaGenerateBody = Static<typeof OllamaGenerateBody>

const ToolCalls = Type.Array(
  Type.Object({
    id: Type.String(),
    function: Type.Object({ index: Type.Integer(), name: Type.String(), arguments: Anything })
  })
)

/** Times in nanoseconds. */
const figures = {
  total_duration: Type.Optional(Type.Integer()),
  load_duration: Type.Optional(Type.Integer()),
  prompt_eval_count: Type.Optional(Type.Integer()),
  prompt_eval_duration: Type.Optional(Type.Integer()),
  eval_count: Type.Optional(Type.Integer()),
  eval_duration: Type.Optional(Type.Integer())
}
const Logprob = Type.Object({
  token: Type.String(),
  logprob: Type.Number(),
  bytes: Type.Optional(Type.Array(Type.Integer()))
})
const line = {
  model: Type.String(),
  created_at: Type.String(),
  done: Type.Boolean(),
  done_reason: Type.Optional(
    Type.Union([Type.Literal('stop'), Type.Literal('length'), Type.Literal('load')])
  ),
  logprobs: Type.Optional(
    Type.Array(
      Type.Object({ ...Logprob.properties, top_logprobs: Type.Optional(Type.Array(Logprob)) })
    )
  ),
  ...figures
}

export const OllamaChatLine = Type.Object({
  ...line,
  message: Type.Object({
    role: Type.Literal('assistant'),
    content: Type.String(),
    thinking: Type.Optional(Type.String()),
    tool_calls: Type.Optional(ToolCalls)
  })
})
export type OllamaChatLine = Static<typeof OllamaChatLine>

export const OllamaGenerateLine = Type.Object({
  ...line,
  response: Type.String(),
  thinking: Type.Optional(Type.String())
})
export type OllamaGenerateLine = Static<typeof OllamaGenerateLine>

export const OllamaEmbedBody = Type.Object({
  model: ModelName,
  input: Type.Union([Text, EmbedAsked.properties.inputs])
})
export type OllamaEmbedBody = Static<typeof OllamaEmbedBody>

export const OllamaEmbedReply = Type.Object({
  model: Type.String(),
  embeddings: Type.Array(Type.Array(Type.Number())),
  total_duration: Type.Integer(),
  load_duration: Type.Integer(),
  prompt_eval_count: Type.Integer()
})
export type OllamaEmbedReply = Static<typeof OllamaEmbedReply>

/** The older form: one text, one vector. */
export const OllamaEmbeddingsBody = Type.Object({
  model: ModelName,
  prompt: Text
})
export type OllamaEmbeddingsBody = Static<typeof OllamaEmbeddingsBody>

const Details = Type.Object({
  parent_model: Type.String(),
  format: Type.String(),
  family: Type.String(),
  families: Type.Array(Type.String()),
  parameter_size: Type.String(),
  quantization_level: Type.String()
})
export type OllamaDetails = Static<typeof Details>

export const OllamaModel = Type.Object({
  name: Type.String(),
  model: Type.String(),
  modified_at: Type.Optional(Type.String()),
  size: Type.Integer(),
  digest: Type.String(),
  details: Details,
  expires_at: Type.Optional(Type.String()),
  size_vram: Type.Optional(Type.Integer()),
  context_length: Type.Optional(Type.Integer())
})
export type OllamaModel = Static<typeof OllamaModel>
export const OllamaModels = Type.Object({ models: Type.Array(OllamaModel) })
export type OllamaModels = Static<typeof OllamaModels>

/** `name` is what older clients say for `model`. */
export const OllamaModelBody = Type.Object({
  model: Type.Optional(ModelName),
  name: Type.Optional(ModelName),
  stream: Type.Optional(Type.Boolean())
})
export type OllamaModelBody = Static<typeof OllamaModelBody>

export const OllamaShowReply = Type.Object({
  modelfile: Type.String(),
  parameters: Type.String(),
  template: Type.String(),
  details: Details,
  model_info: Anything,
  capabilities: Type.Array(Type.String()),
  modified_at: Type.String()
})
export type OllamaShowReply = Static<typeof OllamaShowReply>

export const OllamaErrorBody = Type.Object({ error: Type.String() })
export type OllamaErrorBody = Static<typeof OllamaErrorBody>
