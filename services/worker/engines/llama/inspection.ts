/**
 * The messages between the worker and the short-lived child process that looks at this machine
 * through the library, and at the header of a model file.
 */
import type { ContextCosts, Requirements } from '../../memory/context-costs.ts'
import type { ContextChoices, GpuChoice } from './messages.ts'

export interface InspectOptions {
  gpu: GpuChoice
  model?: { path: string } & ContextChoices
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
  onGpu: boolean
}

export type InspectAnswer = { found: Inspection } | { reason: string }
