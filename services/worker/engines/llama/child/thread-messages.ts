/** What passes between a process's main thread and the thread that computes its model. */
import type { ChildMessage, GpuChoice, ParentMessage } from '../messages.ts'

export interface ThreadSetup {
  gpu: GpuChoice
  stepBegan: StepClock
}

/** One number: when the step in progress began, in `clockMs`; 0 between steps. */
export type StepClock = BigInt64Array<SharedArrayBuffer>

export type ToThread = ParentMessage

export type FromThread =
  | { kind: 'usable' }
  /**
   * The libraries are not those that are written down, or there are none; after `usable`: this
   * model cannot be computed by them.
   */
  | { kind: 'unusable'; reason: string }
  | { kind: 'message'; message: ChildMessage }
  | { kind: 'gaveUp'; reason: string }

/** One clock for all threads of a process. */
export const clockMs = (): bigint => process.hrtime.bigint() / 1_000_000n
