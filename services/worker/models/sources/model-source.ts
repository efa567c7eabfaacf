/** Where a model comes from: a file, a download, a simulation, a server. */
import type { Backoff } from '#shared/kit/backoff.ts'
import type { Engine } from '../../engines/engine.ts'

export interface ModelSource {
  /** The name that clients use. */
  name: string
  /** The kind of engine that will run it. */
  engine: string
  /** Fetches what is missing and makes the engine; `onProgress` is told a fraction from 0 to 1. */
  open(onProgress: (fraction: number) => void): Promise<Engine>
  /** After a failure it is loaded again, so often. Absent: only after one that may pass by itself. */
  retry?: Backoff
  /** What can be said before it was ever loaded: of a model on demand. */
  expect?(): { slots?: number; loadMs?: number; sizeBytes?: number }
}
