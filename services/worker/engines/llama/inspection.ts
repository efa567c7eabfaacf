/**
 * The messages between the worker and the short-lived child process that looks at this machine
 * through the library, and at the header of a model file.
 */
import type { GpuChoice } from './messages.ts'

export interface InspectOptions {
  gpu: GpuChoice
  modelPath?: string
}

export interface Inspection {
  /** The versions of the library and of llama.cpp. */
  version: string
  /** The memory of all devices together; null where everything runs on the CPU. */
  gpu: { backend: string; names: string[]; totalBytes: number; freeBytes: number } | null
  model?: InspectedModel
}

/** Bytes, as the library estimates them. */
interface Requirements {
  cpuRam: number
  gpuVram: number
}

export interface InspectedModel {
  weights: Requirements
  contextOf1024: Requirements
  contextOf2048: Requirements
  /** The slots and the context that are asked for unless less fits. */
  slots: number
  contextTokens: number
}

export type InspectAnswer = { found: Inspection } | { reason: string }
