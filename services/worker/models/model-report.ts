/** What a worker reports of one of its models. */
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'
import { canEmbed, capabilitiesOf } from './capabilities.ts'
import type { LoadedModel } from '../engines/engine.ts'
import type { ModelFacts, ModelState } from './model-state.ts'
import type { ModelSource } from './sources/model-source.ts'

export interface ReportedModel {
  source: ModelSource
  onDemand: boolean
  facts: ModelFacts
  state: ModelState
  /** Requests here, those of the peer that is told and of all. */
  yours: number
  users: number
}

/** Requests that an on-demand model is sent before it is known how many it can run. */
const SLOTS_DEFAULT = 4
/** Until a load has been measured: starting, and reading the file at so much a second. */
const LOAD_MS_LEAST = 1500
const LOAD_BYTES_PER_SECOND = 500e6

export function describeModel(model: ReportedModel, now: number): WorkerModel {
  const { source, onDemand, state, yours } = model
  const common = { name: source.name, engine: source.engine, onDemand }
  const unmeasured = { prefillTokensPerSecond: 0, decodeTokensPerSecond: 0 }
  const idle = { slots: 0, running: 0, waiting: 0, ...unmeasured }
  switch (state.kind) {
    case 'failed':
      return { ...common, ...idle, state: 'failed', error: state.error.message.slice(0, 2048) }
    case 'loadable':
      return {
        ...common,
        ...unmeasured,
        ...expectedOf(model),
        state: 'loadable',
        loadMs: loadMsOf(model)
      }
    case 'loading': {
      const { phase, progress } = state
      const loading = { ...common, state: 'loading' as const, phase, progress }
      if (!onDemand) return { ...loading, ...idle }
      const loadMs = remainingMs(model, state, now)
      return {
        ...loading,
        ...unmeasured,
        ...expectedOf(model),
        loadMs,
        waiting: model.users,
        yours
      }
    }
    case 'ready': {
      const { loaded, engine } = state
      const { kvCache: _, ...measured } = engine.metrics() // for our own /metrics only
      const embeddings = canEmbed(engine) ? { embeddings: true } : {}
      const capabilities = capabilitiesOf(engine, loaded)
      const facts = { ...factsOf(loaded), ...common, ...measured }
      return { ...facts, state: 'ready', yours, capabilities, ...embeddings }
    }
  }
}

function factsOf(loaded: LoadedModel) {
  const { name: _, reasoning: _reasoning, ...facts } = loaded
  return facts
}

/** What it will be like, from the last time it was loaded. */
function expectedOf({ source, facts }: ReportedModel) {
  const { slots = SLOTS_DEFAULT, sizeBytes } = source.expect?.() ?? {}
  const size = sizeBytes === undefined ? {} : { sizeBytes }
  const memory = facts.memory === undefined ? {} : { memory: facts.memory }
  const known = facts.loaded === undefined ? {} : factsOf(facts.loaded)
  return {
    ...size,
    ...memory,
    ...known,
    ...facts.reported,
    slots: facts.slots ?? slots,
    running: 0,
    waiting: 0
  }
}

function loadMsOf({ source, facts }: ReportedModel): number {
  if (facts.loadMs !== undefined) return facts.loadMs
  const { loadMs, sizeBytes = 0 } = source.expect?.() ?? {}
  return loadMs ?? LOAD_MS_LEAST + (sizeBytes / LOAD_BYTES_PER_SECOND) * 1000
}

/** By how far it is where that is known, as a download has a pace of its own; else by the last time. */
function remainingMs(
  model: ReportedModel,
  { progress, startedAt }: Extract<ModelState, { kind: 'loading' }>,
  now: number
): number {
  const elapsedMs = now - startedAt
  if (progress > 0.05) return (elapsedMs / progress) * (1 - progress)
  return Math.max(LOAD_MS_LEAST, loadMsOf(model) - elapsedMs)
}
