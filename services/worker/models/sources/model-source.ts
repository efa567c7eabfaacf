/** Where a model comes from: a file, a download, a simulation, a server. */
import type { Backoff } from '#shared/kit/backoff.ts'
import type { Engine } from '../../engines/engine.ts'

export interface ModelSource {
  /** The name that clients use. */
  name: string
  /** The kind of engine that will run it. */
  engine: string
  /** Fetches missing files and makes the engine; `onProgress` gets a fraction from 0 to 1. */
  open(onProgress: (fraction: number) => void): Promise<Engine>
  /** Pauses between tries after any failure. Absent: only failures that may pass are retried. */
  retry?: Backoff
  /** Facts about a model on demand before it was ever loaded. */
  expect?(): { slots?: number; loadMs?: number; sizeBytes?: number }
}
