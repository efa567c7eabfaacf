/** The states of a model on a worker and the transitions between them, as in SPEC.md. */
import assert from 'node:assert/strict'
import type { Memory, WorkerModel } from '#shared/contracts/peers/peers.ts'
import type { HaifError } from '#shared/errors.ts'
import type { Engine, LoadedModel } from '../engines/engine.ts'
import type { DownloadProgress } from './download/messages.ts'

export type LoadPhase = NonNullable<WorkerModel['phase']>

export type ModelState =
  | { kind: 'loadable' }
  | Loading
  | ReadyModel
  /** `again`: it will be tried again, or become loadable (H11). */
  | { kind: 'failed'; error: HaifError; again: boolean }

interface Loading {
  kind: 'loading'
  phase: LoadPhase
  progress: number
  startedAt: number
  download?: DownloadProgress
}

/** A model in memory, and the engine that runs it. */
export interface ReadyModel {
  kind: 'ready'
  engine: Engine
  loaded: LoadedModel
}

type Kind = ModelState['kind']

const PINNED: Record<Kind, readonly Kind[]> = {
  loadable: [], // H1
  loading: ['loading', 'ready', 'failed'],
  ready: ['failed'],
  failed: ['failed', 'ready']
}

const ON_DEMAND: Record<Kind, readonly Kind[]> = {
  loadable: ['loading'],
  loading: ['ready', 'failed', 'loadable'],
  ready: ['loadable', 'failed'],
  failed: ['failed', 'loadable']
}

/** H2: no other transition exists. */
export function assertFollows(onDemand: boolean, from: Kind, to: Kind): void {
  const next = (onDemand ? ON_DEMAND : PINNED)[from]
  assert.ok(next.includes(to), `a model that is ${from} does not become ${to}`)
}

/** Facts from the last load, kept while the model is not in memory (H15). */
export interface ModelFacts {
  loaded?: LoadedModel
  slots?: number
  /** The engine's abilities and speed. */
  reported?: Pick<
    WorkerModel,
    'capabilities' | 'embeddings' | 'prefillTokensPerSecond' | 'decodeTokensPerSecond'
  >
  memory?: Memory
  /** How long the last load took. */
  loadMs?: number
}
