/** The states of a model on a worker, and what the worker learns of it. */
import type { Memory, WorkerModel } from '#shared/contracts/peers/peers.ts'
import type { HaifError } from '#shared/errors.ts'
import type { Engine, LoadedModel } from '../engines/engine.ts'

export type LoadPhase = NonNullable<WorkerModel['phase']>

export type ModelState =
  | { kind: 'loadable' }
  | { kind: 'loading'; phase: LoadPhase; progress: number; startedAt: number }
  | { kind: 'ready'; engine: Engine; loaded: LoadedModel }
  | { kind: 'failed'; error: HaifError; again: boolean }

/** What it learns of itself, kept while it is not in memory. */
export interface ModelFacts {
  loaded?: LoadedModel
  slots?: number
  /** What the engine could do and how fast it was. */
  reported?: Pick<
    WorkerModel,
    'capabilities' | 'embeddings' | 'prefillTokensPerSecond' | 'decodeTokensPerSecond'
  >
  memory?: Memory
  /** How long the last load took. */
  loadMs?: number
}
