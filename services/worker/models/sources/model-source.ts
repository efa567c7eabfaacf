/** Where a model comes from: a file, a download, a simulation, a server. */
import type { Backoff } from '#shared/kit/backoff.ts'
import type { Engine } from '../../engines/engine.ts'
import type { DownloadProgress } from '../download/messages.ts'

export interface ModelSource {
  /** The name that clients use. */
  name: string
  /** The kind of engine that will run it. */
  engine: string
  /** On the hub: `hf:user/repo:QUANT`. Absent: nobody else can get it from there. */
  uri?: string
  /** The path that the names of its fetched files begin with. */
  place?: string
  /** A file of the owner. */
  file?: string
  /** Fetches missing files and makes the engine. The signal ends a download. */
  open(onProgress: (progress: DownloadProgress) => void, signal?: AbortSignal): Promise<Engine>
  /** Fetches missing files and makes no engine. Absent: there is nothing to fetch. */
  fetch?(onProgress: (progress: DownloadProgress) => void, signal?: AbortSignal): Promise<void>
  /** Removes the files that `fetch` brings. Absent: they are its owner's. */
  remove?(): Promise<void>
  /** Pauses between tries after any failure. Absent: only failures that may pass are retried. */
  retry?: Backoff
  /** Facts about a model on demand before it was ever loaded. */
  expect?(): { slots?: number; loadMs?: number; sizeBytes?: number }
}
