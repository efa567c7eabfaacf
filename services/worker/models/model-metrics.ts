/** What a worker measures of its models, beside the requests themselves. */
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'
import { counter, gauge, histogram } from '#shared/telemetry/instruments.ts'
import type { HeldModel } from './held-model.ts'

const STATES = ['loading', 'ready', 'failed', 'loadable'] as const

/** `models`: as the worker reports them, asked when somebody reads the metrics. */
export function observeModels(models: () => WorkerModel[]): void {
  gauge('haif_model_requests').addCallback((result) => {
    for (const { name: model, running, waiting } of models()) {
      result.observe(running, { model, state: 'running' })
      result.observe(waiting, { model, state: 'waiting' })
    }
  })
  gauge('haif_model_slots').addCallback((result) => {
    for (const { name: model, slots } of models()) result.observe(slots, { model })
  })
  gauge('haif_model_tokens_per_second').addCallback((result) => {
    for (const { name: model, ...measured } of models()) {
      result.observe(measured.prefillTokensPerSecond, { model, phase: 'prefill' })
      result.observe(measured.decodeTokensPerSecond, { model, phase: 'decode' })
    }
  })
  gauge('haif_model_state').addCallback((result) => {
    for (const { name: model, state } of models()) {
      for (const each of STATES) result.observe(each === state ? 1 : 0, { model, state: each })
    }
  })
}

/** Asked when somebody reads the metrics. */
export function observeKvCaches(models: readonly Pick<HeldModel, 'name' | 'kvCache'>[]): void {
  gauge('haif_kv_cache_tokens').addCallback((result) => {
    for (const { name: model, kvCache } of models) {
      if (kvCache === null) continue
      result.observe(kvCache.runningTokens, { model, state: 'running' })
      result.observe(kvCache.keptTokens, { model, state: 'kept' })
    }
  })
  gauge('haif_kv_cache_tokens_max').addCallback((result) => {
    for (const { name: model, kvCache } of models) {
      if (kvCache !== null) result.observe(kvCache.tokensMax, { model })
    }
  })
}

export class LoadCounts {
  readonly #loads = counter('haif_model_loads_total')
  readonly #seconds = histogram('haif_model_load_seconds')

  loaded(model: string, outcome: 'ready' | 'failed', seconds: number): void {
    this.#loads.add(1, { model, outcome })
    this.#seconds.record(seconds, { model })
  }
}
