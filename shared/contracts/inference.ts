/**
 * One inference, as it travels from the bridge to the engine. Every hop passes on the same request
 * and the same items; each only adds what it alone knows to the end.
 */
import { Type, type Static } from 'typebox'
import { LimitsState } from '#shared/rpc/context.ts'
import { defineStream } from '#shared/rpc/contract.ts'
import { inferenceItemCodec, ITEM_CHARACTERS_MAX, ITEM_TOKENS_MAX } from './inference-item.ts'

/** Characters of one prompt or message; the HTTP body is at most 1 MiB, so this never bites first. */
const TEXT_CHARACTERS_MAX = 1_048_576
const MESSAGES_MAX = 1024
export const MAX_TOKENS_MAX = 1_048_576
const STOPS_MAX = 16
const STOP_CHARACTERS_MAX = 256
const BIASES_MAX = 1024
const TOP_LOGPROBS_MAX = 20
const TOOLS_MAX = 128
const TOOL_CALLS_MAX = 128

// Wire changes only append optional fields, so a receiver ignores fields that it does not know.

export const ModelName = Type.String({ minLength: 1, maxLength: 256 })

/** A call that the model asks for. `arguments` is the JSON text that it wrote. */
export const ToolCall = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 128 }),
  name: Type.String({ minLength: 1, maxLength: 64 }),
  arguments: Type.String({ maxLength: TEXT_CHARACTERS_MAX })
})
export type ToolCall = Static<typeof ToolCall>

/** A message of a chat without tools. */
export const TextMessage = Type.Object({
  role: Type.Union([Type.Literal('system'), Type.Literal('user'), Type.Literal('assistant')]),
  content: Type.String({ maxLength: TEXT_CHARACTERS_MAX })
})

export const ChatMessage = Type.Object({
  role: Type.Union([TextMessage.properties.role, Type.Literal('tool')]),
  content: Type.String({ maxLength: TEXT_CHARACTERS_MAX }),
  /** Of an assistant: what it asked for in this turn. */
  toolCalls: Type.Optional(Type.Array(ToolCall, { maxItems: TOOL_CALLS_MAX })),
  /** Of a tool: the call that this is the result of. */
  toolCallId: Type.Optional(Type.String({ minLength: 1, maxLength: 128 }))
})
export type ChatMessage = Static<typeof ChatMessage>

/** A function that the model may ask to have called. `parameters` is a JSON Schema of its arguments. */
export const Tool = Type.Object({
  name: Type.String({ pattern: '^[a-zA-Z0-9_-]{1,64}$' }),
  description: Type.Optional(Type.String({ maxLength: 65_536 })),
  parameters: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  /** Whether the arguments must fit; otherwise a schema that the engine cannot keep only describes. */
  strict: Type.Optional(Type.Boolean())
})
export type Tool = Static<typeof Tool>

/** `required`: at least one call. With a name: a call of that tool. Absent: `auto` when there are tools. */
export const ToolChoice = Type.Union([
  Type.Literal('auto'),
  Type.Literal('none'),
  Type.Literal('required'),
  Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) })
])
export type ToolChoice = Static<typeof ToolChoice>

/**
 * `direct`: the text, or its tokens, go to the model as they are. `chat`: the model's own template
 * is applied.
 */
export const InferenceInput = Type.Union([
  Type.Object({
    mode: Type.Literal('direct'),
    prompt: Type.String({ minLength: 1, maxLength: TEXT_CHARACTERS_MAX })
  }),
  Type.Object({
    mode: Type.Literal('tokens'),
    tokenIds: Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1, maxItems: MAX_TOKENS_MAX })
  }),
  Type.Object({
    mode: Type.Literal('chat'),
    messages: Type.Array(ChatMessage, { minItems: 1, maxItems: MESSAGES_MAX })
  })
])
export type InferenceInput = Static<typeof InferenceInput>

/** What a model reads of an input, in order: for hashes, estimates and the simulated engine. */
export function inputTexts(input: InferenceInput): string[] {
  if (input.mode === 'direct') return [input.prompt]
  if (input.mode === 'tokens') return [input.tokenIds.join(' ')]
  return input.messages.map(({ role, content, toolCalls = [] }) => {
    const calls = toolCalls.map(({ name, arguments: text }) => `${name} ${text}\n`)
    return `${role}\n${content}\n${calls.join('')}`
  })
}

/** What is left out is left to the engine. Ranges as in OpenAI's API; `topK` and `minP` as in llama.cpp. */
export const Sampling = Type.Object({
  temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2 })),
  topP: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  topK: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000 })),
  minP: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  seed: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_294_967_295 })),
  repeatPenalty: Type.Optional(Type.Number({ minimum: 0.1, maximum: 10 })),
  frequencyPenalty: Type.Optional(Type.Number({ minimum: -2, maximum: 2 })),
  presencePenalty: Type.Optional(Type.Number({ minimum: -2, maximum: 2 })),
  /** Token id to what is added to its logit; ids are those of the model's own vocabulary. */
  logitBias: Type.Optional(
    Type.Record(
      Type.String({ pattern: '^(0|[1-9][0-9]{0,6})$' }),
      Type.Number({ minimum: -100, maximum: 100 }),
      { maxProperties: BIASES_MAX }
    )
  )
})
export type Sampling = Static<typeof Sampling>

/**
 * The form of the answer: any JSON object, or one that a JSON Schema describes. Keywords of the
 * schema that the engine cannot keep are refused.
 */
export const ResponseFormat = Type.Union([
  Type.Object({ type: Type.Literal('json') }),
  Type.Object({
    type: Type.Literal('jsonSchema'),
    schema: Type.Record(Type.String(), Type.Unknown())
  })
])
export type ResponseFormat = Static<typeof ResponseFormat>

export const InferenceRequest = Type.Object({
  /** Absent: the mesh's default model. */
  model: Type.Optional(ModelName),
  input: InferenceInput,
  maxTokens: Type.Integer({ minimum: 1, maximum: MAX_TOKENS_MAX }),
  sampling: Sampling,
  /** Texts that end the answer; they are not part of it. */
  stop: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: STOP_CHARACTERS_MAX }), {
      maxItems: STOPS_MAX
    })
  ),
  responseFormat: Type.Optional(ResponseFormat),
  /** Only with messages. */
  tools: Type.Optional(Type.Array(Tool, { maxItems: TOOLS_MAX })),
  toolChoice: Type.Optional(ToolChoice),
  /** Whether one turn may ask for several calls; yes unless said otherwise, where the model can. */
  parallelToolCalls: Type.Optional(Type.Boolean()),
  /** How long a model that thinks before it answers should do so. */
  reasoningEffort: Type.Optional(
    Type.Union([
      Type.Literal('none'),
      Type.Literal('minimal'),
      Type.Literal('low'),
      Type.Literal('medium'),
      Type.Literal('high')
    ])
  ),
  /** Whether items say how likely each token was, and with how many others beside it. */
  logprobs: Type.Optional(Type.Boolean()),
  topLogprobs: Type.Optional(Type.Integer({ minimum: 0, maximum: TOP_LOGPROBS_MAX })),
  /** Who goes first while not everybody can: `interactive` unless said otherwise. */
  priority: Type.Optional(Type.Union([Type.Literal('interactive'), Type.Literal('batch')])),
  /** Labels that the worker must have. */
  labels: Type.Optional(
    Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 128 }), {
      maxProperties: 32
    })
  ),
  /** Whether to send items with the place in the queue. */
  watchQueue: Type.Optional(Type.Boolean()),
  /** Whether to say with the end why each worker was chosen. */
  explain: Type.Optional(Type.Boolean()),
  /** Requests of one tenant with the same key are one request: the later ones get the first one's answer. */
  idempotencyKey: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  /** What the client has of the answer already: it is continued, not begun again. */
  resume: Type.Optional(
    Type.Object({
      tokenIds: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: MAX_TOKENS_MAX }),
      text: Type.String({ maxLength: TEXT_CHARACTERS_MAX * 8 }),
      /** What was thought before the text. */
      reasoning: Type.Optional(Type.String({ maxLength: TEXT_CHARACTERS_MAX * 8 })),
      /** The tool calls so far; the last one may be unfinished. Only token ids go on after them. */
      toolCalls: Type.Optional(Type.Array(ToolCall, { maxItems: TOOL_CALLS_MAX })),
      /** How many tokens the text has, where the ids are not known of all: it is continued by text. */
      tokens: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_TOKENS_MAX })),
      /** The file whose tokens these are; another one continues by text. */
      digest: Type.Optional(Type.String({ maxLength: 64 }))
    })
  ),
  /** One for each request of a client, the same on every way it takes: it is charged once. */
  usageId: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  /** The HTTP client's address: who is limited when no tenant is named. */
  caller: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  /** Who is charged and limited. From a client only a wish, that the gateway grants or refuses. */
  tenantId: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  /** Set by the gateway: the tenant's share of a queue; 1 unless said otherwise. */
  weight: Type.Optional(Type.Number({ minimum: 0.01, maximum: 100 }))
})
export type InferenceRequest = Static<typeof InferenceRequest>

const Logprob = {
  tokenId: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Its text; U+FFFD stands for a part of a character. */
  token: Type.String({ maxLength: 1024 }),
  /** Natural logarithm of its probability in the model's own distribution; never below -9999. */
  logprob: Type.Number({ maximum: 0 })
}
export const TokenLogprob = Type.Object({
  ...Logprob,
  /** The most likely tokens in this place, the likeliest first. */
  top: Type.Array(Type.Object(Logprob), { maxItems: TOP_LOGPROBS_MAX })
})
export type TokenLogprob = Static<typeof TokenLogprob>

/**
 * A part of a tool call. The first part of a call has `id` and `name`; the `arguments` of all its
 * parts together are the JSON text. `index` counts the calls of the answer from 0.
 */
export const ToolCallDelta = Type.Object({
  index: Type.Integer({ minimum: 0, maximum: TOOL_CALLS_MAX }),
  id: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  arguments: Type.Optional(Type.String({ maxLength: 65_536 }))
})
export type ToolCallDelta = Static<typeof ToolCallDelta>

/** Some tokens of the answer. `seq` counts tokens from 0, so a resumed attempt continues it. */
export const InferenceItem = Type.Object({
  seq: Type.Integer({ minimum: 0 }),
  tokenIds: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: ITEM_TOKENS_MAX }),
  /** How many tokens the text has, where the engine does not know their ids; `tokenIds` is empty then. */
  tokens: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_TOKENS_MAX })),
  text: Type.String({ maxLength: ITEM_CHARACTERS_MAX }),
  /** What the model thought before it answered; not part of the answer, but its tokens count. */
  reasoning: Type.Optional(Type.String({ maxLength: ITEM_CHARACTERS_MAX })),
  /** Parts of tool calls, whose text is not in `text`. */
  toolCalls: Type.Optional(Type.Array(ToolCallDelta, { maxItems: TOOL_CALLS_MAX })),
  /** When asked for: one for each of `tokenIds`. */
  logprobs: Type.Optional(Type.Array(TokenLogprob, { maxItems: ITEM_TOKENS_MAX })),
  /** In the first item of an attempt: the file whose tokens these are. */
  digest: Type.Optional(Type.String({ maxLength: 64 })),
  /** Instead of tokens: requests that are served before this one, and the expected wait. */
  queued: Type.Optional(
    Type.Object({
      ahead: Type.Integer({ minimum: 0 }),
      waitMs: Type.Number({ minimum: 0 }),
      /** The worker is loading the model for this request: how far it is, from 0 to 1. */
      loading: Type.Optional(Type.Number({ minimum: 0, maximum: 1 }))
    })
  ),
  /** Instead of tokens, from a gateway: what is left of the caller's limits. */
  limits: Type.Optional(LimitsState)
})
export type InferenceItem = Static<typeof InferenceItem>

export const FinishReason = Type.Union([
  Type.Literal('stop'),
  Type.Literal('length'),
  /** The model waits for the results of the tool calls in this answer. */
  Type.Literal('toolCalls')
])
export type FinishReason = Static<typeof FinishReason>

export const Usage = Type.Object({
  promptTokens: Type.Integer({ minimum: 0 }),
  /** Prompt tokens found in a cache of the worker, so not computed again. */
  cachedPromptTokens: Type.Integer({ minimum: 0 }),
  completionTokens: Type.Integer({ minimum: 0 }),
  /** The engine was not told: the numbers are estimates from the text. */
  estimated: Type.Optional(Type.Boolean())
})
export type Usage = Static<typeof Usage>

/** Milliseconds in the worker: waiting for a slot, reading the prompt, writing the answer. */
export const Timings = Type.Object({
  queueMs: Type.Number({ minimum: 0 }),
  prefillMs: Type.Number({ minimum: 0 }),
  decodeMs: Type.Number({ minimum: 0 })
})
export type Timings = Static<typeof Timings>

/** A worker as placement saw it. Times in milliseconds. */
export const CandidateScore = Type.Object({
  worker: Type.String(),
  waitMs: Type.Number(),
  prefillMs: Type.Number(),
  rttMs: Type.Number(),
  cachedTokens: Type.Number(),
  /** Of a model that is not in memory there. */
  loadMs: Type.Optional(Type.Number()),
  /** Expected time to first token: the sum of these times. */
  expectedMs: Type.Number(),
  load: Type.Number(),
  slots: Type.Number(),
  /** Why it could not be chosen. */
  ineligible: Type.Optional(Type.String())
})
export type CandidateScore = Static<typeof CandidateScore>

export const Explanation = Type.Object({
  worker: Type.String(),
  reason: Type.String(),
  candidates: Type.Array(CandidateScore, { maxItems: 256 })
})
export type Explanation = Static<typeof Explanation>

export const InferenceEnd = Type.Object({
  finishReason: FinishReason,
  usage: Usage,
  timings: Timings,
  /** The model that answered, under the name that clients use. */
  model: Type.String(),
  /** The engine that ran it: `llama`, `sim`. */
  provider: Type.String(),
  /** Set by the orchestrator: how many attempts it took, and the worker of each. */
  attempts: Type.Optional(Type.Integer({ minimum: 1 })),
  workers: Type.Optional(Type.Array(Type.String(), { maxItems: 16 })),
  /** This is the answer to an earlier request with the same `Idempotency-Key`. */
  repeated: Type.Optional(Type.Boolean()),
  /** When asked for: the choice of each attempt. */
  explanations: Type.Optional(Type.Array(Explanation, { maxItems: 16 }))
})
export type InferenceEnd = Static<typeof InferenceEnd>

/** One for all hops, so that each passes on the bytes that it got. */
export const itemCodec = inferenceItemCodec(InferenceItem)

export const gatewayInfer = defineStream(
  'gateway.infer',
  InferenceRequest,
  InferenceItem,
  InferenceEnd,
  itemCodec
)
export const orchestratorInfer = defineStream(
  'orchestrator.infer',
  InferenceRequest,
  InferenceItem,
  InferenceEnd,
  itemCodec
)
export const workerInfer = defineStream(
  'worker.infer',
  InferenceRequest,
  InferenceItem,
  InferenceEnd,
  itemCodec
)
