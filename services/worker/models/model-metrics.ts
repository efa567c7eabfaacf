/** Metrics of a worker's models, beside those of its requests. */
import { counter, gauge, histogram } from '#shared/telemetry/instruments.ts'
import type { KvCache } from '../engines/engine.ts'
import type { HeldModels } from './held-models.ts'
import type { ModelState } from './model-state.ts'

const STATES = ['loading', 'ready', 'failed', 'loadable'] as const

/** Each value is taken when somebody reads the metrics. */
export function observeModels(models: Pick<HeldModels, 'all' | 'describe'>): void {
  observeLoad(models)
  observeKvCaches(models)
  gauge('haif_model_state').addCallback((result) => {
    for (const { name: model, state } of models.describe()) {
      for (const each of STATES) result.observe(each === state ? 1 : 0, { model, state: each })
    }
  })
}

function observeLoad(models: Pick<HeldModels, 'describe'>): void {
  gauge('haif_model_requests').addCallback((result) => {
    for (const { name: model, running, waiting } of models.describe()) {
      result.observe(running, { model, state: 'running' })
      result.observe(waiting, { model, state: 'waiting' })
    }
  })
  gauge('haif_model_slots').addCallback((result) => {
    for (const { name: model, slots } of models.describe()) result.observe(slots, { model })
  })
  gauge('haif_model_tokens_per_second').addCallback((result) => {
    for (const { name: model, ...measured } of models.describe()) {
      result.observe(measured.prefillTokensPerSecond, { model, phase: 'prefill' })
      result.observe(measured.decodeTokensPerSecond, { model, phase: 'decode' })
    }
  })
}

function observeKvCaches(models: Pick<HeldModels, 'all'>): void {
  gauge('haif_kv_cache_tokens').addCallback((result) => {
    for (const { name: model, state } of models.all) {
      const kvCache = kvCacheOf(state)
      if (kvCache === undefined) continue
      result.observe(kvCache.runningTokens, { model, state: 'running' })
      result.observe(kvCache.keptTokens, { model, state: 'kept' })
    }
  })
  gauge('haif_kv_cache_tokens_max').addCallback((result) => {
    for (const { name: model, state } of models.all) {
      const kvCache = kvCacheOf(state)
      if (kvCache !== undefined) result.observe(kvCache.tokensMax, { model })
    }
  })
}

const kvCacheOf = (state: ModelState): KvCache | undefined =>
  state.kind === 'ready' ? state.engine.metrics().kvCache : undefined

export class LoadCounts {
  readonly #loads = counter('haif_model_loads_total')
  readonly #seconds = histogram('haif_model_load_seconds')

  loaded(model: string, outcome: 'ready' | 'failed', seconds: number): void {
    this.#loads.add(1, { model, outcome })
    this.#seconds.record(seconds, { model })
  }
}
