/** What passes between a process's main thread and the thread that computes its model. */
import type { ChildMessage, GpuChoice, ParentMessage } from '../messages.ts'
import type { StepMemory } from './step-memory.ts'

export interface ThreadSetup {
  gpu: GpuChoice
  step: StepMemory
}

export type ToThread = ParentMessage

export type FromThread =
  | { kind: 'usable' }
  /**
   * The libraries are not those that are written down, or there are none; after `usable`: this
   * model cannot be computed by them.
   */
  | { kind: 'unusable'; reason: string }
  | { kind: 'message'; message: ChildMessage }
  /** To a ping. */
  | { kind: 'heard' }
  | { kind: 'gaveUp'; reason: string }
