/** The other workers of the mesh, as a place where models come from. */
import type { DownloadProgress } from '../download/messages.ts'
import type { LocalModel } from './local-model.ts'

export interface WantedWeights {
  /** SHA-256 of the model. */
  digest: string
  /** Where its files are to be, and under which name. */
  folder: string
  name: string
}

export interface FetchHooks {
  onProgress: (progress: DownloadProgress) => void
  onFault: (message: string) => void
  signal: AbortSignal
}

export interface PeerWeights {
  /** Whether anybody says that it has the model of a URI of the hub, of whatever digest. */
  mayHave(source: string, signal: AbortSignal): Promise<boolean>
  /** Null: nobody in reach has it. What has arrived is kept when it rejects. */
  fetch(wanted: WantedWeights, hooks: FetchHooks): Promise<LocalModel | null>
  /** Removes models that were not used for longest, beyond the owner's budget. */
  makeRoom(): Promise<void>
}
