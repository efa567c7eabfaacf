/**
 * The messages between the worker and the process that downloads a model for it. Both ends are this
 * repository at one version, so the messages are types and need no schema.
 */
import type { Hub, HubUri } from '../sources/hub.ts'
import type { HubFile } from './locate.ts'

export interface DownloadTask {
  uri: HubUri
  hub: Hub
  /** Where its files are to be. */
  folder: string
  limits?: Partial<DownloadLimits>
  /** It only says what the hub says of the files, and brings none. */
  onlyLocates?: boolean
}

export interface DownloadLimits {
  /** A server that sends nothing for so long is asked again. */
  silentMs: number
  /** In so long a connection must bring `slowBytes`, or another one takes its place. */
  slowMs: number
  slowBytes: number
  /** The first pause after a failure; it doubles with each one in a row. */
  pauseMs: number
  /** Failures in a row, without a byte between them, that end a try. */
  failuresMax: number
  /** A server that asks to wait for longer ends the try; the worker comes back then. */
  waitMsMax: number
}

export interface DownloadProgress {
  bytes: number
  /** Null where no server says how many there are. */
  totalBytes: number | null
  bytesPerSecond: number
}

export interface DownloadHooks {
  onProgress: (progress: DownloadProgress) => void
  /** Called with why a server is asked again. */
  onFault: (message: string) => void
}

export type ToDownload = { kind: 'start'; task: DownloadTask }

export type FromDownload =
  | ({ kind: 'progress' } & DownloadProgress)
  /** Why it is asked again, in a sentence. */
  | { kind: 'fault'; message: string }
  /** The digests of its files, in their order. */
  | { kind: 'done'; files: DownloadedFile[] }
  | { kind: 'located'; files: HubFile[] }
  | { kind: 'failed'; message: string; retryAfterMs?: number }

export interface DownloadedFile {
  path: string
  digest: string
}
