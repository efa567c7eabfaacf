/** A worker's report about one of its models, in each of its states. */
import { plainText } from '#shared/contracts/plain-text.ts'
import { SENTENCE_MAX, type WorkerModel } from '#shared/contracts/peers/peers.ts'
import { canEmbed, capabilitiesOf } from './capabilities.ts'
import type { Engine, LoadedModel } from '../engines/engine.ts'
import type { DownloadProgress } from './download/messages.ts'
import type { ModelFacts, ModelState } from './model-state.ts'
import type { ModelSource } from './sources/model-source.ts'

interface ReportedModel {
  source: ModelSource
  onDemand: boolean
  facts: ModelFacts
  state: ModelState
  /** Requests for it here: of the peer that gets the report, and of all peers. */
  yours: number
  users: number
}

/** Slots reported for a model on demand before its engine has said how many it has. */
const SLOTS_DEFAULT = 4
/** Before a load has been measured it is estimated: a start, and the reading of the file. */
const LOAD_MS_LEAST = 1500
const LOAD_BYTES_PER_SECOND = 500e6

export function describeModel(model: ReportedModel, now: number): WorkerModel {
  const { source, onDemand, state, yours } = model
  const from = source.uri === undefined ? {} : { source: source.uri }
  const common = { name: source.name, engine: source.engine, onDemand, ...from }
  const unmeasured = { prefillTokensPerSecond: 0, decodeTokensPerSecond: 0 }
  const idle = { slots: 0, running: 0, waiting: 0, ...unmeasured }
  switch (state.kind) {
    case 'failed':
      return { ...common, ...idle, state: 'failed', error: sentence(state.error.message) }
    case 'loadable':
      return {
        ...common,
        ...unmeasured,
        ...expectedOf(model),
        state: 'loadable',
        loadMs: loadMsOf(model)
      }
    case 'loading': {
      const { phase, progress, download } = state
      const got = download === undefined ? {} : { download: downloadOf(download) }
      const loading = { ...common, state: 'loading' as const, phase, progress, ...got }
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
      const { kvCache: _, restarting, ...measured } = engine.metrics() // for our own /metrics only
      if (restarting !== undefined) {
        const notice = sentence(`${restarting}; it is started again`)
        return { ...common, ...idle, state: 'loading', phase: 'loading', progress: 0, notice }
      }
      const embeddings = canEmbed(engine) ? { embeddings: true } : {}
      const capabilities = capabilitiesOf(engine, loaded)
      const facts = { ...factsOf(loaded), ...common, ...measured }
      return { ...facts, state: 'ready', yours, capabilities, ...embeddings }
    }
  }
}

const sentence = (text: string): string => plainText(text, SENTENCE_MAX)

const downloadOf = ({ bytes, totalBytes, bytesPerSecond }: DownloadProgress) => ({
  bytes,
  bytesPerSecond,
  ...(totalBytes === null ? {} : { totalBytes })
})

/** The facts that stay known when the model has left the memory. */
export function factsLearned(engine: Engine, loaded: LoadedModel): ModelFacts {
  const { slots, prefillTokensPerSecond, decodeTokensPerSecond } = engine.metrics()
  const reported = {
    capabilities: capabilitiesOf(engine, loaded),
    prefillTokensPerSecond,
    decodeTokensPerSecond,
    ...(canEmbed(engine) ? { embeddings: true } : {})
  }
  const memory = loaded.memory === undefined ? {} : { memory: loaded.memory }
  return { loaded, slots, reported, ...memory }
}

function factsOf(loaded: LoadedModel) {
  const { name: _, reasoning: _reasoning, ...facts } = loaded
  return facts
}

/** The facts of the last load, for a model that is not in memory now. */
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

/** By the progress where there is some (each download has its own pace), else by the last load. */
function remainingMs(
  model: ReportedModel,
  { progress, startedAt }: Extract<ModelState, { kind: 'loading' }>,
  now: number
): number {
  const elapsedMs = now - startedAt
  if (progress > 0.05) return (elapsedMs / progress) * (1 - progress)
  return Math.max(LOAD_MS_LEAST, loadMsOf(model) - elapsedMs)
}
