/**
 * The messages between the worker and the short-lived child process that looks at this machine
 * through the library, and at the header of a model file.
 */
import type { ContextCosts, Requirements } from '../../memory/context-costs.ts'
import type { ContextChoices, GpuChoice } from './messages.ts'

export interface InspectOptions {
  gpu: GpuChoice
  model?: { path: string } & ContextChoices
  /** A file of which a token is decoded on the GPU; what dies of that runs no model there. */
  tryModel?: string
}

export interface Inspection {
  /** The versions of the library and of llama.cpp. */
  version: string
  /** The memory of all devices together; null where everything runs on the CPU. */
  gpu: { backend: string; names: string[]; totalBytes: number; freeBytes: number } | null
  model?: InspectedModel
}

export interface InspectedModel {
  weights: Requirements
  contexts: ContextCosts
  /** The tokens that it was trained on. */
  trainedTokens: number
  /** What would compute it; `false`: the CPU. */
  gpu: string | false
}

export type InspectAnswer = { found: Inspection } | { reason: string }
