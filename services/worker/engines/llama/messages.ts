/**
 * The messages between the worker and the child process that holds the model. Both ends are this
 * repository at one version, so the messages are types and need no schema.
 */
import type { Memory } from '#shared/contracts/peers/peers.ts'
import { HaifError, type ErrorCode } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { ContextSize } from '../../memory/fit-context.ts'
import type { KvType } from '../../models/model-options.ts'
import type { FileStamp } from './file-stamp.ts'
import type { EmbedInput, GenerateEnd, GenerateItem, GenerateRequest, KvCache } from '../engine.ts'

export type GpuBackend = 'cuda' | 'vulkan' | 'metal'
export type GpuChoice = 'auto' | GpuBackend | false

/** Choices that change how much memory a context takes. */
export interface ContextChoices {
  /** The type of the values in the cache of keys and values. */
  kv?: KvType
  flashAttention?: boolean
}

export interface LoadOptions extends ContextChoices {
  modelPath: string
  /** The files as they were when their bytes were hashed. */
  files?: readonly FileStamp[]
  /** Of all files of the model together; absent: it is one file. */
  fileBytes?: number
  /** As wished; where they are absent, the child decides by the memory that is free. */
  slots?: number
  contextTokens?: number
  /** What the worker's memory budget leaves for them, where there is one. */
  most?: ContextSize
  /** The models of this worker, which share the memory. */
  models: number
  /** A file, or the name of a template, in place of the one in the model's file. */
  chatTemplate?: string
  /** False: where the template has no place for tools, there are none. */
  toolsAsText?: boolean
  gpu: GpuChoice
  /** The layers on the GPU, -1 for all; by default as many as fit. */
  gpuLayers?: number
  /** The cores to compute on; by default all that the process may use. */
  cores?: number
  /** Given where `node-llama-cpp` is to compute, as it does where llama.cpp cannot be called. */
  driver?: 'library'
  /** Answer tokens that a request may be ahead of its reader. */
  creditTokens: number
  /** What was measured at an earlier start. */
  measured?: Measured
}

export type ParentMessage =
  | Work
  /** Answered with 'alive', whatever the engine is doing. */
  | { kind: 'ping' }

/** What the engine is asked to do. */
export type Work =
  | { kind: 'load'; options: LoadOptions }
  | { kind: 'generate'; id: number; request: GenerateRequest }
  | { kind: 'embed'; id: number; inputs: readonly EmbedInput[] }
  /** Answered as 'embed' is, without vectors. */
  | { kind: 'count'; id: number; request: GenerateRequest }
  | { kind: 'cancel'; id: number }
  /** The reader has taken so many more tokens. */
  | { kind: 'credit'; id: number; tokens: number }

/** The model as the child has loaded it, and the machine as the child has measured it. */
export interface ReadyModel {
  slots: number
  contextTokens: number
  /** Tokens that fit into the caches of all slots together. */
  kvTokensMax: number
  quantization: string | null
  parameters: number | null
  chatTemplate: boolean
  /** What its owner should know, in a sentence. */
  notice?: string
  reasoning: boolean
  tools: boolean
  /** Memory that the child process takes, the model included. */
  memory: Memory
  threads: number
  /** The library's name of the backend; `false` on the CPU. */
  gpu: string | false
  /** Why `node-llama-cpp` computes; absent where llama.cpp is called directly. */
  libraryBecause?: string
  rates: Rates
  /** Worth keeping for the next start; absent where it is measured faster than it is read. */
  measured?: Measured
}

/** What the machine does with a model. */
export interface Measured {
  /** For a step of one token, and for all others. */
  threads: { one: number; many: number }
  steps: DecodeStepMs[]
  /** Prompt tokens per second. */
  prefill: number
}

/** Tokens per second, over all slots together. */
export interface Rates {
  prefill: number
  decode: number
}

/** The duration of a step in which `decoding` answers get one token each. */
export type DecodeStepMs = [decoding: number, ms: number]

type StepPart = [id: number, tokenIds: number[], text: string, more?: PartExtras]
export type PartExtras = Pick<GenerateItem, 'reasoning' | 'logprobs' | 'toolCalls' | 'prompt'>
type AnswerEnd = [id: number, end: GenerateEnd]
type AnswerFailure = [id: number, failure: RequestFailure]

/** A `HaifError` on its way from the child to the worker. */
interface RequestFailure {
  code: ErrorCode
  message: string
  details?: Record<string, unknown>
}

/** Foreign errors come out of the library: another try on a fresh process may succeed. */
export function toFailure(error: unknown): RequestFailure {
  if (!(error instanceof HaifError)) {
    return { code: 'ENGINE_FAILED', message: `the model broke off: ${reasonOf(error)}` }
  }
  const { code, message, details } = error
  return details === undefined ? { code, message } : { code, message, details }
}

export function fromFailure({ code, message, details }: RequestFailure): HaifError {
  return new HaifError(code, message, details === undefined ? {} : { details })
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

export type EmbedMessage =
  | EmbeddedMessage
  | { kind: 'embedFailed'; id: number; failure: RequestFailure }

export type ChildMessage =
  | { kind: 'progress'; fraction: number }
  | { kind: 'ready'; model: ReadyModel }
  | { kind: 'loadFailed'; reason: string }
  /** `deafSince` stays the same while the engine hears nothing, and is 0 while it does. */
  | { kind: 'alive'; deafSince: number }
  | StepMessage
  /** Sent about once a second while the numbers change. */
  | ({ kind: 'kvCache' } & KvTokens)
  | EmbedMessage
