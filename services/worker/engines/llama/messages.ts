/**
 * What the worker and the child process that holds the model say to each other. Both ends are this
 * repository at one version, so the messages are types and need no schema.
 */
import type { ErrorCode } from '#shared/errors.ts'
import type { GenerateEnd, GenerateRequest } from '../engine.ts'

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
  | { kind: 'cancel'; id: number }
  /** The reader has taken so many more tokens. */
  | { kind: 'credit'; id: number; tokens: number }

/** What the child found out about the model and about the machine. */
export interface ReadyModel {
  slots: number
  contextTokens: number
  quantization: string | null
  parameters: number | null
  chatTemplate: boolean
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

export type AnswerPart = [id: number, tokenIds: number[], text: string]
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
  parts: AnswerPart[]
  ends: AnswerEnd[]
  failures: AnswerFailure[]
  rates: Rates
}

export type ChildMessage =
  | { kind: 'progress'; fraction: number }
  | { kind: 'ready'; model: ReadyModel }
  | { kind: 'loadFailed'; reason: string }
  | StepMessage
