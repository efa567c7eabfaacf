/**
 * One inference, in four parts that no hop mixes: what is asked of the model, how the mesh handles
 * it, whom it is charged to, and what of the answer was sent already. A hop builds the part that it
 * answers for and passes the others on as they are.
 */
import { Type, type Static } from 'typebox'
import {
  ChatMessage,
  MESSAGES_MAX,
  TEXT_CHARACTERS_MAX,
  Tool,
  TOOLS_MAX,
  ToolCall,
  ToolChoice
} from './chat.ts'
import { SealedPermit } from '../access/permit.ts'
import { MAX_TOKENS_MAX, TOP_LOGPROBS_MAX, USAGE_TOKENS_MAX } from './answer.ts'
import { ModelName } from './model-name.ts'
import { STOP_CHARACTERS_MAX, STOPS_MAX } from './stop-text.ts'
import { TOOL_CALLS_MAX } from './tool-calls-max.ts'

const BIASES_MAX = 1024
const SENT_CHARACTERS_MAX = TEXT_CHARACTERS_MAX * 2
const VARIABLES_MAX = 64
const WORKERS_MAX = 256
const TICKET_CHARACTERS_MAX = 128

// Wire changes only append optional fields, so a receiver ignores fields that it does not know.

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
  return input.messages.map(({ role, content, reasoning = '', toolCalls = [] }) => {
    const thought = reasoning === '' ? '' : `${reasoning}\n`
    const calls = toolCalls.map(({ name, arguments: text }) => `${name} ${text}\n`)
    return `${role}\n${thought}${content}\n${calls.join('')}`
  })
}

/**
 * What is left out is left to the engine. Ranges as in OpenAI's API; `topK` and `minP` as in
 * llama.cpp.
 */
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
 * The form of the answer: any JSON object, or whatever JSON a JSON Schema describes, an object or
 * not. Keywords of the schema that the engine cannot keep are refused.
 */
export const ResponseFormat = Type.Union([
  Type.Object({ type: Type.Literal('json') }),
  Type.Object({
    type: Type.Literal('jsonSchema'),
    schema: Type.Record(Type.String(), Type.Unknown())
  })
])
export type ResponseFormat = Static<typeof ResponseFormat>

/**
 * What the model is asked. It is also what makes two requests the same: under one `Idempotency-Key`
 * the orchestrator compares the hash of this part, and of nothing else. So whatever could make
 * another answer belongs here, and whatever could not must not be here.
 */
export const Asked = Type.Object({
  /** Absent: the mesh's default model. */
  model: Type.Optional(ModelName),
  input: InferenceInput,
  /**
   * A limit of the gateway may lower it: a shorter answer is another answer. With 0 the prompt
   * alone is looked at.
   */
  maxTokens: Type.Integer({ minimum: 0, maximum: MAX_TOKENS_MAX }),
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
  /**
   * How long a model that thinks before it answers should do so. It is a hint: a model that cannot
   * follow it takes what is next to it, or ignores it.
   */
  reasoningEffort: Type.Optional(
    Type.Union([
      Type.Literal('none'),
      Type.Literal('minimal'),
      Type.Literal('low'),
      Type.Literal('medium'),
      Type.Literal('high'),
      Type.Literal('xhigh'),
      Type.Literal('max')
    ])
  ),
  /**
   * Variables for the model's chat template, such as `enable_thinking`, beside those that the
   * engine sets itself. A template ignores what it does not know. Only with messages.
   */
  templateVariables: Type.Optional(
    Type.Record(Type.String({ maxLength: 64 }), Type.Unknown(), { maxProperties: VARIABLES_MAX })
  ),
  /**
   * Whether the last message, which must then be the assistant's and without calls, is the
   * beginning of the answer. The answer has only what comes after it, and its tokens do not count
   * into `maxTokens`.
   */
  continueFinal: Type.Optional(Type.Boolean()),
  /** Whether items say how likely each token was, and with how many others beside it. */
  logprobs: Type.Optional(Type.Boolean()),
  topLogprobs: Type.Optional(Type.Integer({ minimum: 0, maximum: TOP_LOGPROBS_MAX })),
  /** The same for the tokens of the prompt, which come first. Only with `logprobs`. */
  promptLogprobs: Type.Optional(Type.Boolean()),
  /**
   * Labels that the worker must have. They only place the request, but an answer from a machine
   * without them is not the answer that was asked for.
   */
  labels: Type.Optional(
    Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 128 }), {
      maxProperties: 32
    })
  ),
  /** Keys of the workers of which one must answer; from tasks of jobs that are bound to some. */
  workers: Type.Optional(
    Type.Array(Type.String({ pattern: '^[0-9a-f]{64}$' }), { maxItems: WORKERS_MAX })
  )
})
export type Asked = Static<typeof Asked>

/** How the mesh handles the request: it changes when and with what beside it, never the answer. */
export const Handling = Type.Object({
  /** Who goes first while not everybody can: `interactive` unless said otherwise. */
  priority: Type.Optional(Type.Union([Type.Literal('interactive'), Type.Literal('batch')])),
  /** Whether to send items with the place in the queue. */
  watchQueue: Type.Optional(Type.Boolean()),
  /** Whether to say with the end why each worker was chosen. */
  explain: Type.Optional(Type.Boolean()),
  /**
   * Requests of one tenant with the same key are one request: the later ones get the first one's
   * answer.
   */
  idempotencyKey: Type.Optional(Type.String({ minLength: 1, maxLength: 128 }))
})
export type Handling = Static<typeof Handling>

/**
 * Requests with the same scope may share what a worker has cached of their prompts, and others may
 * not: how much was cached would tell a tenant what another has asked. It names nobody: a gateway
 * makes it from the tenant with a key that workers do not have. Absent: callers without a token.
 */
const CacheScope = Type.String({ pattern: '^[0-9a-f]{32}$' })

/**
 * Ways of one request that the books tell apart: each of them but the last goes free. A caller that
 * loses more gateways than that within one answer pays for the others.
 */
const WAYS_MAX = 4

/** Says in a request that its caller has given up so many ways before. */
export const onWay = (charge: Charge, way: number): Charge =>
  way === 0 ? charge : { ...charge, way: Math.min(way, WAYS_MAX) }

/**
 * Whom the request is charged to. From a client it is a wish, which the gateway answers with a
 * permit: nothing in it passes a gateway unchecked. It ends at the orchestrator.
 */
export const Charge = Type.Object({
  /** The tenant that is charged and limited. */
  tenantId: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  /** The HTTP client's address, which is limited when no tenant is named. */
  caller: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  /** One for each request of a client, the same on every way it takes: it is charged once. */
  usageId: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  /** Ways to the answer that the caller has given up before this one, none unless said. */
  way: Type.Optional(Type.Integer({ minimum: 0, maximum: WAYS_MAX })),
  /** Set by the gateway: see `CacheScope`. */
  cacheScope: Type.Optional(CacheScope),
  /** The tenant's share of a queue; 1 unless a gateway says otherwise. */
  weight: Type.Optional(Type.Number({ minimum: 0.01, maximum: 100 })),
  /**
   * From the gateway that let the request in, for another one that goes on with it: the rest of an
   * answer is not one more request.
   */
  ticket: Type.Optional(Type.String({ maxLength: TICKET_CHARACTERS_MAX }))
})
export type Charge = Static<typeof Charge>

/** The part of the answer that the client has already: it is continued, not begun again. */
export const Sent = Type.Object({
  tokenIds: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: MAX_TOKENS_MAX }),
  text: Type.String({ maxLength: SENT_CHARACTERS_MAX }),
  /** What was thought before the text. */
  reasoning: Type.Optional(Type.String({ maxLength: SENT_CHARACTERS_MAX })),
  /** The tool calls so far; the last one may be unfinished. Only token ids go on after them. */
  toolCalls: Type.Optional(Type.Array(ToolCall, { maxItems: TOOL_CALLS_MAX })),
  /** How many tokens the text has, where the ids are not known of all: it is continued by text. */
  tokens: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_TOKENS_MAX })),
  /** How many tokens of the prompt have been told, where they were asked for. */
  promptTokens: Type.Optional(Type.Integer({ minimum: 0, maximum: USAGE_TOKENS_MAX })),
  /** The file whose tokens these are; another one continues by text. */
  digest: Type.Optional(Type.String({ maxLength: 64 }))
})
export type Sent = Static<typeof Sent>

export const InferenceRequest = Type.Object({
  asked: Asked,
  handling: Handling,
  charge: Charge,
  /** Absent: the answer begins. */
  sent: Type.Optional(Sent)
})
export type InferenceRequest = Static<typeof InferenceRequest>

/** A request that a gateway has let in. */
export const PermittedRequest = Type.Object({
  asked: Asked,
  handling: Handling,
  permit: SealedPermit,
  sent: Type.Optional(Sent)
})
export type PermittedRequest = Static<typeof PermittedRequest>

/**
 * An attempt of a request. A worker learns neither whom it is for nor under which key it may
 * return.
 */
export const AttemptRequest = Type.Object({
  asked: Asked,
  cacheScope: Type.Optional(CacheScope),
  sent: Type.Optional(Sent)
})
export type AttemptRequest = Static<typeof AttemptRequest>
