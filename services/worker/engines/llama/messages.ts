/**
 * What the worker and the child process that holds the model say to each other. Both ends are this
 * repository at one version, so the messages are types and need no schema.
 */
import type { Memory } from '#shared/contracts/peers/peers.ts'
import type { ErrorCode } from '#shared/errors.ts'
import type { EmbedInput, GenerateEnd, GenerateItem, GenerateRequest, KvCache } from '../engine.ts'

export type GpuChoice = 'auto' | 'cuda' | 'vulkan' | 'metal' | false

export interface LoadOptions {
  modelPath: string
  /** Wishes; absent means that the child decides by the memory that is free. */
  slots?: number
  contextTokens?: number
  gpu: GpuChoice
  /** Answer tokens that a request may be ahead of its reader. */
  creditTokens: number
}

export type ParentMessage =
  | { kind: 'load'; options: LoadOptions }
  | { kind: 'generate'; id: number; request: GenerateRequest }
  | { kind: 'embed'; id: number; inputs: readonly EmbedInput[] }
  | { kind: 'cancel'; id: number }
  /** The reader has taken so many more tokens. */
  | { kind: 'credit'; id: number; tokens: number }

/** What the child found out about the model and about the machine. */
export interface ReadyModel {
  slots: number
  contextTokens: number
  /** What the caches of all slots have room for. */
  kvTokensMax: number
  quantization: string | null
  parameters: number | null
  chatTemplate: boolean
  reasoning: boolean
  tools: boolean
  /** What this process takes. */
  memory: Memory
  threads: number
  /** `false`: on the CPU. */
  gpu: string | false
  rates: Rates
}

/** Tokens per second, over all slots together. */
export interface Rates {
  prefill: number
  decode: number
}

/** How long a step takes in which so many answers get a token. */
export type DecodeStepMs = [decoding: number, ms: number]

export type StepPart = [id: number, tokenIds: number[], text: string, more?: PartExtras]
export type PartExtras = Pick<GenerateItem, 'reasoning' | 'logprobs' | 'toolCalls'>
export type AnswerEnd = [id: number, end: GenerateEnd]
export type AnswerFailure = [id: number, failure: Failure]

export interface Failure {
  code: ErrorCode
  message: string
  details?: Record<string, unknown>
}

/** One message for all slots that moved in a step. */
export interface StepMessage {
  kind: 'step'
  parts: StepPart[]
  ends: AnswerEnd[]
  failures: AnswerFailure[]
  rates: Rates
}

export type KvTokens = Omit<KvCache, 'tokensMax'>

/** Vectors are 32-bit floats in base64, which JSON carries at a third of the size. */
export interface EmbeddedMessage {
  kind: 'embedded'
  id: number
  vectors: string[]
  promptTokens: number
}

export type ChildMessage =
  | { kind: 'progress'; fraction: number }
  | { kind: 'ready'; model: ReadyModel }
  | { kind: 'loadFailed'; reason: string }
  | StepMessage
  /** From time to time, when it has changed. */
  | ({ kind: 'kvCache' } & KvTokens)
  | EmbeddedMessage
  | { kind: 'embedFailed'; id: number; failure: Failure }
