/**
 * What runs a model inside a worker. Every engine offers this and nothing more, so that the worker,
 * the mesh and the tests do not care which one it is.
 */
import type {
  FinishReason,
  InferenceInput,
  Sampling,
  Timings,
  Usage
} from '#shared/contracts/inference.ts'

/** What is known of a loaded model. */
export interface LoadedModel {
  /** The name that clients use. */
  name: string
  /** SHA-256 of the file in hex, the model's identity. */
  digest: string
  /** Tokens that prompt and answer may have together. */
  contextTokens: number
  /** As in the file's name for it, e.g. `Q8_0`. */
  quantization?: string
  parameters?: number
  sizeBytes: number
  chatTemplate: boolean
}

export interface GenerateRequest {
  input: InferenceInput
  maxTokens: number
  sampling: Sampling
  stop?: string[]
  /**
   * Tokens of the answer that another attempt on the same file has already sent: the engine goes on
   * after them as if it had produced them itself. They count into `maxTokens` and `completionTokens`.
   */
  resumeTokenIds?: number[]
  /**
   * The text of those tokens, when another file made them: then the engine goes on after the text,
   * and the ids only count.
   */
  resumeText?: string
}

export interface GenerateItem {
  tokenIds: number[]
  text: string
}

export interface GenerateEnd {
  finishReason: FinishReason
  usage: Usage
  timings: Timings
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
}

export interface Engine {
  /** `llama`, `sim`: shown to clients as `provider`. */
  readonly kind: string
  /** Names of `Sampling` fields and of `GenerateRequest` that it understands; the rest is refused. */
  readonly parameters: ReadonlySet<string>
  /** Loads the model; rejects with MODEL_LOAD_FAILED and a sentence that names the file. */
  load(): Promise<LoadedModel>
  /**
   * Streams the answer; the return value ends it. Aborting stops the decoding within one token and
   * throws the signal's reason. Rejects with CONTEXT_TOO_LONG before anything is decoded.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateItem, GenerateEnd>
  metrics(): EngineMetrics
  close(): Promise<void>
}
