/**
 * An engine runs a model inside a worker. Every engine offers this interface and nothing more, so
 * that the worker, the mesh and the tests treat all of them alike.
 */
import type { Tool, ToolChoice } from '#shared/contracts/inference/chat.ts'
import type {
  FinishReason,
  PromptToken,
  Timings,
  TokenLogprob,
  ToolCallDelta,
  Usage,
  UsedSampling
} from '#shared/contracts/inference/answer.ts'
import type {
  Asked,
  InferenceInput,
  ResponseFormat,
  Sampling
} from '#shared/contracts/inference/request.ts'
import type { Memory } from '#shared/contracts/peers/peers.ts'
import type { HaifError } from '#shared/errors.ts'

/** A model as its engine has loaded it. */
export interface LoadedModel {
  /** The name that clients use. */
  name: string
  /**
   * The model's identity: the SHA-256 of its file in hex. An engine without a file makes another
   * text that stands for the model.
   */
  digest: string
  /** Tokens that prompt and answer may have together. */
  contextTokens: number
  /** The name that model files use, e.g. `Q8_0`. */
  quantization?: string
  parameters?: number
  sizeBytes: number
  chatTemplate: boolean
  /** What its owner should know, in a sentence. */
  notice?: string
  /** True when the model reasons before it answers; absent where the engine cannot know it. */
  reasoning?: boolean
  /** True when the model can call tools; where it is absent, `Engine.parameters` decides. */
  tools?: boolean
  /** The memory that it takes of the machine, measured. */
  memory?: Memory
  /** What computes it: `cuda`, `vulkan`, `metal` or `cpu`; absent where another server does. */
  backend?: string
}

/** The memory that a model would take, with the largest context that fits. */
export interface MemoryEstimate {
  memory: Memory
  sizeBytes: number
}

export interface GenerateRequest {
  input: InferenceInput
  maxTokens: number
  sampling: Sampling
  stop?: string[]
  /** The form of JSON that the answer must have. */
  responseFormat?: ResponseFormat
  /** The tools that the model may call; never empty. The choice is never `none`. */
  tools?: Tool[]
  toolChoice?: ToolChoice
  parallelToolCalls?: boolean
  /** A hint, as the variables for the template are: what the model cannot follow is no error. */
  reasoningEffort?: NonNullable<Asked['reasoningEffort']>
  templateVariables?: NonNullable<Asked['templateVariables']>
  /** Asks for `logprobs` in items, with `topLogprobs` likely tokens beside each. */
  logprobs?: boolean
  topLogprobs?: number
  /**
   * Asks for the same of the prompt's tokens, before the answer; where `maxTokens` is 0, for
   * nothing else. Of these, `resumePromptTokens` have been told by another attempt.
   */
  promptLogprobs?: boolean
  resumePromptTokens?: number
  /**
   * Tokens of the answer that another attempt on the same file has already sent: the engine
   * continues after them as if it had drawn them itself. They count into `maxTokens` and
   * `completionTokens`.
   */
  resumeTokenIds?: number[]
  /**
   * The text of those tokens, when another file made them or their ids are not known: the engine
   * then continues after the text and ignores the ids.
   */
  resumeText?: string
  /**
   * The number of tokens of `resumeText`; given with it. It is smaller than the text where the
   * caller has written its beginning, as the last message of the chat.
   */
  resumeTokens?: number
  /** The reasoning before `resumeText`; given with it. */
  resumeReasoning?: string
  /** Only requests of the same scope may share a cache of prompts; absent is a scope too. */
  cacheScope?: string
}

export interface GenerateItem {
  tokenIds: number[]
  text: string
  /**
   * The number of tokens, from an engine that does not know their ids and leaves `tokenIds` empty.
   */
  tokens?: number
  /** The model's reasoning, where the engine can separate it from the answer. */
  reasoning?: string
  /** Parts of tool calls; the text that the model wrote for them is not in `text`. */
  toolCalls?: ToolCallDelta[]
  /** One entry for each of `tokenIds`. */
  logprobs?: TokenLogprob[]
  /** The next tokens of the prompt; the answer begins when all have been told. */
  prompt?: PromptToken[]
}

export interface GenerateEnd {
  finishReason: FinishReason
  /** The stop text that ended the answer, if one did. */
  stopText?: string
  usage: Usage
  timings: Timings
}

/** A text, or the ids of its tokens. */
export type EmbedInput = string | number[]

export interface Embeddings {
  /** The vectors, each of length 1, in the order of the inputs. */
  vectors: Float32Array[]
  /** The tokens of all inputs together. */
  promptTokens: number
}

export interface EngineMetrics {
  /** Requests that can run at the same time. */
  slots: number
  running: number
  /** Requests that were admitted and wait for a slot. */
  waiting: number
  /** 0 until it has been measured. */
  prefillTokensPerSecond: number
  decodeTokensPerSecond: number
  /** The memory that it takes now, where that is looked at again after the load. */
  memory?: Memory
  /** How its process hangs; or why it died, when it takes longer than requests should notice. */
  restarting?: string
  /** Absent where the engine does not know it, for example on a server that somebody else runs. */
  kvCache?: KvCache
}

/** The tokens in the memory that a model keeps of what it has read and written. */
export interface KvCache {
  /** The tokens of requests that run. */
  runningTokens: number
  /** The tokens of ended requests, kept for prompts that begin alike; they give way to others. */
  keptTokens: number
  /** The number of tokens for which there is room. */
  tokensMax: number
}

export interface Engine {
  /** `llama`, `openai`, `sim`: shown to clients as `provider`. */
  readonly kind: string
  /** The fields of `Sampling` and `GenerateRequest` that the engine honours; others are refused. */
  readonly parameters: ReadonlySet<string>
  /** The values for what a request leaves out; absent where the engine does not know them. */
  readonly defaults?: UsedSampling
  /**
   * SHA-256 of the bytes that `load` would load now; rejects as it does. Engines that load no file
   * do not have it.
   */
  digest?(): Promise<string>
  /**
   * Estimates, before `load`, the memory that the model would take within `most`, which also bounds
   * the context that `load` makes. Resolves to null when not even the smallest context fits.
   * Engines that take no memory of this machine do not have it.
   */
  estimate?(most: Memory): Promise<MemoryEstimate | null>
  /**
   * Loads the model; rejects with MODEL_LOAD_FAILED and a sentence that names the file.
   * `onProgress` gets a fraction from 0 to 1.
   */
  load(onProgress?: (fraction: number) => void): Promise<LoadedModel>
  /**
   * Streams the answer; the return value ends it. Aborting stops the decoding within one token and
   * throws the signal's reason. Rejects with CONTEXT_TOO_LONG before anything is decoded.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateItem, GenerateEnd>
  /** Makes a vector for every input, or rejects. Engines that cannot embed do not have it. */
  embed?(inputs: readonly EmbedInput[], signal: AbortSignal): Promise<Embeddings>
  /**
   * Counts the tokens of the prompt that the request would have, without reading them. Engines that
   * do not know them do not have it.
   */
  count?(request: GenerateRequest, signal: AbortSignal): Promise<number>
  metrics(): EngineMetrics
  close(): Promise<void>
  /**
   * Resolves when the engine has lost its server for good. It takes no new requests then and holds
   * nothing any more, except for requests that still run, which end or fail by themselves.
   */
  readonly lost?: Promise<HaifError>
}
