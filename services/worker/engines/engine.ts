/**
 * What runs a model inside a worker. Every engine offers this and nothing more, so that the worker,
 * the mesh and the tests do not care which one it is.
 */
import type { Tool, ToolChoice } from '#shared/contracts/inference/chat.ts'
import type {
  FinishReason,
  Timings,
  TokenLogprob,
  ToolCallDelta,
  Usage
} from '#shared/contracts/inference/answer.ts'
import type {
  Asked,
  InferenceInput,
  ResponseFormat,
  Sampling
} from '#shared/contracts/inference/request.ts'
import type { Memory } from '#shared/contracts/peers/peers.ts'
import type { HaifError } from '#shared/errors.ts'

/** What is known of a loaded model. */
export interface LoadedModel {
  /** The name that clients use. */
  name: string
  /** SHA-256 of the file in hex, the model's identity. Without a file another text that stands for it. */
  digest: string
  /** Tokens that prompt and answer may have together. */
  contextTokens: number
  /** As in the file's name for it, e.g. `Q8_0`. */
  quantization?: string
  parameters?: number
  sizeBytes: number
  chatTemplate: boolean
  /** Whether it thinks before it answers; absent where nobody can tell before it does. */
  reasoning?: boolean
  /** Whether it can ask for calls of tools; absent: whenever its engine can. */
  tools?: boolean
  /** What it takes of the machine's memory, measured. */
  memory?: Memory
}

/** What a model would take, with the largest context that fits. */
export interface MemoryEstimate {
  memory: Memory
  sizeBytes: number
}

export interface GenerateRequest {
  input: InferenceInput
  maxTokens: number
  sampling: Sampling
  stop?: string[]
  /** The answer is JSON of this form. */
  responseFormat?: ResponseFormat
  /** What the model may ask to have called; never empty. The choice is never `none`. */
  tools?: Tool[]
  toolChoice?: ToolChoice
  parallelToolCalls?: boolean
  reasoningEffort?: NonNullable<Asked['reasoningEffort']>
  /** Whether items carry `logprobs`, with so many likely tokens beside each. */
  logprobs?: boolean
  topLogprobs?: number
  /**
   * Tokens of the answer that another attempt on the same file has already sent: the engine goes on
   * after them as if it had produced them itself. They count into `maxTokens` and `completionTokens`.
   */
  resumeTokenIds?: number[]
  /**
   * The text of those tokens, when another file made them or nobody knows their ids: then the engine
   * goes on after the text, and the ids do not matter.
   */
  resumeText?: string
  /** How many tokens that text was; given with it. */
  resumeTokens?: number
  /** What was thought before that text; given with it. */
  resumeReasoning?: string
}

export interface GenerateItem {
  tokenIds: number[]
  text: string
  /** How many tokens the text has, from an engine that does not know their ids; `tokenIds` is empty. */
  tokens?: number
  /** What the model thinks before it answers, where the engine can tell it from the answer. */
  reasoning?: string
  /** Parts of tool calls; what the model wrote for them is not in `text`. */
  toolCalls?: ToolCallDelta[]
  /** One for each of `tokenIds`. */
  logprobs?: TokenLogprob[]
}

export interface GenerateEnd {
  finishReason: FinishReason
  usage: Usage
  timings: Timings
}

/** A text, or the ids of its tokens. */
export type EmbedInput = string | number[]

export interface Embeddings {
  /** In the order of the inputs; each of length 1. */
  vectors: Float32Array[]
  /** Of all inputs together. */
  promptTokens: number
}

export interface EngineMetrics {
  /** Requests that can run at the same time. */
  slots: number
  running: number
  /** Admitted but without a slot. */
  waiting: number
  /** Measured, 0 until there is a measurement. */
  prefillTokensPerSecond: number
  decodeTokensPerSecond: number
  /** Absent where the engine does not know it, as on a server that somebody else runs. */
  kvCache?: KvCache
}

/** What is in the memory that a model keeps of the tokens it has read and written. */
export interface KvCache {
  /** Tokens of requests that run. */
  runningTokens: number
  /** Of requests that have ended, kept for prompts that begin alike; they give way to others. */
  keptTokens: number
  /** How many there is room for. */
  tokensMax: number
}

export interface Engine {
  /** `llama`, `openai`, `sim`: shown to clients as `provider`. */
  readonly kind: string
  /** Names of `Sampling` fields and of `GenerateRequest` that it understands; the rest is refused. */
  readonly parameters: ReadonlySet<string>
  /**
   * Before it is loaded: what it would take within `most`, which also bounds the context that `load`
   * makes. Null: not even the smallest fits. Absent: it takes nothing of this machine.
   */
  estimate?(most: Memory): Promise<MemoryEstimate | null>
  /**
   * Loads the model; rejects with MODEL_LOAD_FAILED and a sentence that names the file. `onProgress`
   * is told a fraction from 0 to 1.
   */
  load(onProgress?: (fraction: number) => void): Promise<LoadedModel>
  /**
   * Streams the answer; the return value ends it. Aborting stops the decoding within one token and
   * throws the signal's reason. Rejects with CONTEXT_TOO_LONG before anything is decoded.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateItem, GenerateEnd>
  /** Only engines that can have it. The result has a vector for every input, or it rejects. */
  embed?(inputs: readonly EmbedInput[], signal: AbortSignal): Promise<Embeddings>
  metrics(): EngineMetrics
  close(): Promise<void>
  /**
   * Resolves when what the engine stands on is gone. It has let go of everything then, except for
   * requests that still run, which end or fail by themselves; it takes no new ones.
   */
  readonly lost?: Promise<HaifError>
}
