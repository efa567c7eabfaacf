/** How a mesh stands, in one sentence. */
import type { EventBodies, WorkerBody } from '../mesh/bodies.ts'
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
  /** Absent where no machine has answered. */
  firstTokenP50Ms?: number
  firstTokenP95Ms?: number
}

/**
 * The last 24 hours of all machines. The median is weighed by requests; of the slow ones the worst
 * machine counts, because percentiles cannot be added up.
 */
export function sumsOfToday(workers: readonly Pick<WorkerBody, 'today'>[]): Sums {
  const sums: Sums = { requests: 0, failed: 0, stopped: 0, promptTokens: 0, completionTokens: 0 }
  let weighed = 0
  let weight = 0
  for (const { today } of workers) {
    if (today === undefined) continue
    sums.requests += today.requests
    sums.failed += today.failed
    sums.stopped += today.stopped
    sums.promptTokens += today.prompt_tokens
    sums.completionTokens += today.completion_tokens
    const { first_token_p50_ms: p50, first_token_p95_ms: p95 } = today
    if (p50 !== undefined) {
      weighed += p50 * today.requests
      weight += today.requests
    }
    if (p95 !== undefined) sums.firstTokenP95Ms = Math.max(sums.firstTokenP95Ms ?? 0, p95)
  }
  if (weight > 0) sums.firstTokenP50Ms = weighed / weight
  return sums
}
