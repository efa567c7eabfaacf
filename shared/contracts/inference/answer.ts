/** What comes back from a model: items, and an end, to which each hop adds what it alone knows. */
import { Type, type Static } from 'typebox'
import { LimitsState } from '../access/limits.ts'
import { TOOL_CALLS_MAX } from './tool-calls-max.ts'
import { ATTEMPTS_TOLD_MAX, AttemptTold } from './attempt-told.ts'
import { Explanation } from './explanation.ts'
import { ModelName } from './model-name.ts'
import { STOP_CHARACTERS_MAX } from './stop-text.ts'
import { SignedReceipt } from './receipt.ts'

/** The bounds of one answer, and of one item of it. */
export const MAX_TOKENS_MAX = 1_048_576
export const ITEM_TOKENS_MAX = 4096
export const ITEM_CHARACTERS_MAX = 65_536
export const TOP_LOGPROBS_MAX = 20
/** Far more than prompt and answer of any model together. */
export const USAGE_TOKENS_MAX = 16_777_216
/** A month: no request takes longer than a day. */
const TIMING_MS_MAX = 2_678_400_000
const Milliseconds = Type.Number({ minimum: 0, maximum: TIMING_MS_MAX })

/** How an answer was drawn: what was asked, and the engine's own values for the rest. */
export const UsedSampling = Type.Object({
  temperature: Type.Number({ minimum: 0, maximum: 100 }),
  topP: Type.Number({ minimum: 0, maximum: 1 })
})
export type UsedSampling = Static<typeof UsedSampling>

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

/** The same for a token of the prompt, in its place after those before it. */
export const PromptToken = Type.Object({
  ...TokenLogprob.properties,
  /** Null for the first one, which follows nothing. */
  logprob: Type.Union([TokenLogprob.properties.logprob, Type.Null()]),
  /**
   * The text that it adds to that of the tokens before it, where that is another one than its own:
   * of the tokens of one character the last adds it.
   */
  text: Type.Optional(Type.String({ maxLength: 1024 }))
})
export type PromptToken = Static<typeof PromptToken>

/**
 * A part of a tool call. The first part of a call has `id` and `name`; the `arguments` of all its
 * parts together are the JSON text. `index` counts the calls of the answer from 0.
 */
export const ToolCallDelta = Type.Object({
  index: Type.Integer({ minimum: 0, maximum: TOOL_CALLS_MAX }),
  id: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  arguments: Type.Optional(Type.String({ maxLength: 65_536 }))
})
export type ToolCallDelta = Static<typeof ToolCallDelta>

/** Some tokens of the answer. `seq` counts tokens from 0, so a resumed attempt continues it. */
export const InferenceItem = Type.Object({
  seq: Type.Integer({ minimum: 0 }),
  tokenIds: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: ITEM_TOKENS_MAX }),
  /**
   * How many tokens the text has, where the engine does not know their ids; `tokenIds` is empty
   * then.
   */
  tokens: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_TOKENS_MAX })),
  text: Type.String({ maxLength: ITEM_CHARACTERS_MAX }),
  /** What the model thought before it answered; not part of the answer, but its tokens count. */
  reasoning: Type.Optional(Type.String({ maxLength: ITEM_CHARACTERS_MAX })),
  /** Parts of tool calls, whose text is not in `text`. */
  toolCalls: Type.Optional(Type.Array(ToolCallDelta, { maxItems: TOOL_CALLS_MAX })),
  /** When asked for: one for each of `tokenIds`. */
  logprobs: Type.Optional(Type.Array(TokenLogprob, { maxItems: ITEM_TOKENS_MAX })),
  /** When asked for, and before any token of the answer: the next tokens of the prompt. */
  prompt: Type.Optional(Type.Array(PromptToken, { maxItems: ITEM_TOKENS_MAX })),
  /** In the first item of an attempt: the file whose tokens these are. */
  digest: Type.Optional(Type.String({ maxLength: 64 })),
  /** In the first item of an attempt: the model that answers, under the name that clients use. */
  model: Type.Optional(ModelName),
  /** In the first item of an attempt, where the engine knows it. */
  sampling: Type.Optional(UsedSampling),
  /** Instead of tokens: requests that are served before this one, and the expected wait. */
  queued: Type.Optional(
    Type.Object({
      ahead: Type.Integer({ minimum: 0 }),
      waitMs: Milliseconds,
      /** The worker is loading the model for this request: how far it is, from 0 to 1. */
      loading: Type.Optional(Type.Number({ minimum: 0, maximum: 1 }))
    })
  ),
  /**
   * Instead of tokens, from a gateway, before the first of them: proof that it let the request in,
   * for another gateway that may have to go on with it.
   */
  ticket: Type.Optional(Type.String({ maxLength: 128 })),
  /** Beside the ticket: what is left of the caller's limits. */
  limits: Type.Optional(LimitsState)
})
export type InferenceItem = Static<typeof InferenceItem>

/** How many tokens an item, or what is resumed, stands for. */
export const tokensIn = (part: { tokenIds: readonly number[]; tokens?: number }): number =>
  part.tokens ?? part.tokenIds.length

export const FinishReason = Type.Union([
  Type.Literal('stop'),
  Type.Literal('length'),
  /** The model waits for the results of the tool calls in this answer. */
  Type.Literal('toolCalls')
])
export type FinishReason = Static<typeof FinishReason>

/** So that sums of them stay far below what the books can hold. */
const Tokens = Type.Integer({ minimum: 0, maximum: USAGE_TOKENS_MAX })

export const Usage = Type.Object({
  promptTokens: Tokens,
  /** Prompt tokens found in a cache of the worker, so not computed again. */
  cachedPromptTokens: Tokens,
  completionTokens: Tokens,
  /** Those of them that the model thought; absent where the engine cannot tell them apart. */
  reasoningTokens: Type.Optional(Tokens),
  /** The engine was not told: the numbers are estimates from the text. */
  estimated: Type.Optional(Type.Boolean())
})
export type Usage = Static<typeof Usage>

/** Milliseconds in the worker: waiting for a slot, reading the prompt, writing the answer. */
export const Timings = Type.Object({
  queueMs: Milliseconds,
  prefillMs: Milliseconds,
  decodeMs: Milliseconds
})
export type Timings = Static<typeof Timings>

export const InferenceEnd = Type.Object({
  finishReason: FinishReason,
  /** The stop text that ended the answer, if one did and the engine can tell. */
  stopText: Type.Optional(Type.String({ maxLength: STOP_CHARACTERS_MAX })),
  usage: Usage,
  timings: Timings,
  /** The model that answered, under the name that clients use. */
  model: ModelName,
  /** The engine that ran it: `llama`, `sim`. */
  provider: Type.String({ maxLength: 32 }),
  sampling: Type.Optional(UsedSampling),
  /** Set by the orchestrator: how many attempts it took, and the worker of each. */
  attempts: Type.Optional(Type.Integer({ minimum: 1 })),
  workers: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 16 })),
  /** Each of those attempts, and those that were refused: for the books, not for callers. */
  tries: Type.Optional(Type.Array(AttemptTold, { maxItems: ATTEMPTS_TOLD_MAX })),
  /** Of the attempt that ended the answer. */
  receipt: Type.Optional(SignedReceipt),
  /** This is the answer to an earlier request with the same `Idempotency-Key`. */
  repeated: Type.Optional(Type.Boolean()),
  /** When asked for: the choice of each attempt. */
  explanations: Type.Optional(Type.Array(Explanation, { maxItems: 16 }))
})
export type InferenceEnd = Static<typeof InferenceEnd>
