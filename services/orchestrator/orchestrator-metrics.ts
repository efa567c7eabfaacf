/** Metrics of the orchestrator beside those of requests: waiting, attempts, hints, workers. */
import { counter, gauge, histogram } from '#shared/telemetry/instruments.ts'
import { MODELS_MAX, type Dispatcher } from './placement/dispatcher.ts'
import type { WorkerTable } from './workers/worker-table.ts'

/** Counts ends of attempts: once for each attempt, and never for a token. */
export class AttemptCounts {
  readonly #attempts = counter('haif_attempts_total')
  readonly #failovers = counter('haif_failovers_total')
  readonly #hedges = counter('haif_hedges_total')
  readonly #queueWait = histogram('haif_queue_wait_seconds')

  constructor() {
    // A counter that has never counted has no line, and the rate of a missing line is not 0.
    this.#failovers.add(0)
    this.#hedges.add(0)
  }

  /** `succeeded`, `fenced`, or an error code. */
  ended(outcome: string): void {
    this.#attempts.add(1, { outcome })
  }

  waited(ms: number): void {
    this.#queueWait.record(ms / 1000)
  }

  failover(): void {
    this.#failovers.add(1)
  }

  hedge(): void {
    this.#hedges.add(1)
  }
}

/** Counts hints between orchestrators, in blocks of prompts. */
export class HintCounts {
  readonly #blocks = counter('haif_prefix_hints_total')

  constructor() {
    for (const event of ['sent', 'received', 'dropped']) this.#blocks.add(0, { event })
  }

  sent(blocks: number): void {
    this.#blocks.add(blocks, { event: 'sent' })
  }

  received(blocks: number): void {
    this.#blocks.add(blocks, { event: 'received' })
  }

  dropped(blocks: number): void {
    this.#blocks.add(blocks, { event: 'dropped' })
  }
}

/** Gauges of workers and queues, computed when the metrics are read. */
export function observeWorkers(table: WorkerTable, dispatcher: Dispatcher): void {
  /** Models that a worker has held: one without a worker now is a 0, and not a missing line. */
  const models = new Set<string>() // at most MODELS_MAX
  gauge('haif_workers_ready').addCallback((result) => {
    const ready = table.readyModels()
    for (const model of ready.keys()) if (models.size < MODELS_MAX) models.add(model)
    for (const model of models) result.observe(ready.get(model) ?? 0, { model })
  })
  gauge('haif_slots').addCallback((result) => {
    for (const model of models) result.observe(table.slots(model), { model })
  })
  gauge('haif_queue_depth').addCallback((result) => {
    for (const model of models) result.observe(dispatcher.waiting(model), { model })
  })
  gauge('haif_breakers').addCallback((result) => {
    const counts = { closed: 0, open: 0, trial: 0 }
    for (const { breaker } of table.holdings()) counts[breaker.kind]++
    for (const [state, count] of Object.entries(counts)) result.observe(count, { state })
  })
}
