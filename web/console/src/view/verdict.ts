/** How a mesh stands, in one sentence. */
import type { EventBodies, UsageRowBody, WorkerBody } from '../mesh/bodies.ts'
import { counted } from './figures.ts'

interface Verdict {
  tone: 'good' | 'bad' | 'still'
  sentence: string
}

type Glance = Pick<EventBodies['mesh'], 'needs' | 'workers' | 'models'>

export function verdictOf({ needs, workers, models }: Glance): Verdict {
  if (needs.length > 0) {
    return { tone: 'bad', sentence: `${counted(needs.length, 'thing needs', 'things need')} you.` }
  }
  if (workers.total === 0) return { tone: 'still', sentence: 'No machine has joined yet.' }
  if (workers.paused === workers.total) {
    return { tone: 'still', sentence: 'All machines are paused.' }
  }
  if (models.ready === 0 && models.loadable === 0) {
    return { tone: 'still', sentence: 'No model is ready yet.' }
  }
  return { tone: 'good', sentence: 'Everything is running.' }
}

interface Sums {
  requests: number
  failed: number
  stopped: number
  promptTokens: number
  completionTokens: number
}

/** The books of some days, those too that no machine has answered. */
export function sumsOf(rows: readonly UsageRowBody[]): Sums {
  const sums: Sums = { requests: 0, failed: 0, stopped: 0, promptTokens: 0, completionTokens: 0 }
  for (const row of rows) {
    sums.requests += row.requests
    sums.failed += row.errors
    sums.stopped += row.stopped ?? 0
    sums.promptTokens += row.prompt_tokens
    sums.completionTokens += row.completion_tokens
  }
  return sums
}

interface FirstToken {
  /** Absent where no machine has answered. */
  p50Ms?: number
  p95Ms?: number
}

/**
 * The last 24 hours of all machines. The median is weighed by requests; of the slow ones the worst
 * machine counts, because percentiles cannot be added up.
 */
export function firstTokenOf(workers: readonly Pick<WorkerBody, 'today'>[]): FirstToken {
  const first: FirstToken = {}
  let weighed = 0
  let weight = 0
  for (const { today } of workers) {
    const { first_token_p50_ms: p50, first_token_p95_ms: p95 } = today ?? {}
    if (p50 !== undefined) {
      weighed += p50 * today!.requests
      weight += today!.requests
    }
    if (p95 !== undefined) first.p95Ms = Math.max(first.p95Ms ?? 0, p95)
  }
  if (weight > 0) first.p50Ms = weighed / weight
  return first
}
