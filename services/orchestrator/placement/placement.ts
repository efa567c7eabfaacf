/**
 * Chooses a worker for an attempt: the one with the least expected time to first token, among
 * those that satisfy the request's constraints. Pure: data in, decision out.
 *
 *   expected = loading + wait for a slot + prefill of what is not cached there + round trip
 *            + what is held against the worker
 *
 * A worker that would have to load the model first is chosen only where none has it ready, or where
 * those that have would keep the request waiting for longer.
 *
 * Of two that are close the emptier one is better, because it goes on faster after its first token.
 */
import { mayAttempt, type Breaker } from '../workers/breaker.ts'
import { isAlike, type ModelKind } from '../workers/model-kind.ts'
import type { Character } from '../workers/holding.ts'
import { wayMsOf, type Way } from './way-cost.ts'

/** A model on a worker, as far as placement looks at it. */
export interface Candidate {
  readonly workerKey: string
  readonly mayServe: boolean
  readonly notReadyBecause: string
  /** Time until the model is in memory there; 0: it is. */
  readonly loadMs: number
  readonly load: number
  readonly lastPlacedAt: number
  /** How long a request holds a slot there, measured; 0: not yet. */
  readonly serviceMs: number
  readonly breaker: Breaker
  readonly labels: Readonly<Record<string, string>>
  /** What the worker has done wrong, as time. */
  readonly character: Pick<Character, 'distrustMs'>
  readonly model: {
    readonly slots: number
    readonly prefillTokensPerSecond: number
    /** Tokens of prompt and answer there: workers give a model what their memory holds. */
    readonly contextTokens?: number
  } & Partial<Readonly<ModelKind>>
  readonly link: Way
}

/** The conditions that a worker has to meet. */
export interface Constraints {
  /** Candidates that have failed this request already; a worker that came back is a new one. */
  exclude: ReadonlySet<Candidate>
  /** Models that have refused this request: those that are alike would, too. */
  unlike?: readonly Candidate['model'][] | undefined
  /** Labels that the worker must have. */
  labels?: Readonly<Record<string, string>> | undefined
  /** Keys of those that may serve it; absent: all. */
  workers?: readonly string[] | undefined
  /** Tokens that the context must have, from a worker that has counted the prompt. */
  contextTokens?: number | undefined
  /** Milliseconds until the caller's deadline. */
  remainingMs?: number | undefined
}

export interface PlacementRequest extends Constraints {
  promptTokens: number
  /** The wait for a worker that has the model ready; absent: none has. */
  queueMs?: number | undefined
  /** Prompt tokens that a worker probably has in its cache. */
  cachedTokens(workerKey: string): number
}

export interface Score {
  workerKey: string
  /** 0: the model is in memory there. */
  loadMs: number
  waitMs: number
  prefillMs: number
  rttMs: number
  /** What the way costs beyond its round trip: 0 where nothing is lost or relayed. */
  wayMs: number
  cachedTokens: number
  /** 0: nothing is held against the worker. */
  distrustMs: number
  expectedMs: number
}

export type Placement<Chosen extends Candidate> =
  | { kind: 'placed'; chosen: Chosen; score: Score }
  /** Some worker could serve it, but not now. */
  | { kind: 'busy' }
  /** None of the workers that hold the model may serve this request. */
  | { kind: 'ineligible'; reason: string }

/** Assumed until a worker has measured itself. */
const PREFILL_TOKENS_PER_SECOND_DEFAULT = 500
const SERVICE_MS_DEFAULT = 2000
/** Requests that may wait on a worker itself, per slot: only those whose prompt is cached there. */
const WAITING_PER_SLOT_MAX = 1
/**
 * The cost of a full worker over that of an empty one: it decodes each answer more slowly. So a
 * small advantage in round trip or speed does not fill one worker while another stands idle.
 */
const FULL_MS = 50
/** Differences below this are noise, and workers take turns. */
const NOISE_MS = 2

export function placeAttempt<Chosen extends Candidate>(
  candidates: Iterable<Chosen>,
  request: PlacementRequest,
  now: number
): Placement<Chosen> {
  let best: { candidate: Chosen; score: Score } | null = null
  let busy = false
  let reason = 'no worker holds the model'
  const eligible: Chosen[] = []
  for (const candidate of candidates) {
    const why = ineligibility(candidate, request, now)
    if (why === null) eligible.push(candidate)
    else reason = why
  }
  for (const candidate of withRoom(eligible, request.promptTokens)) {
    const score = scoreOf(candidate, request, now)
    if (!mayWaitThere(candidate, score) || !isWorthLoading(score, request)) {
      busy = true
      continue
    }
    if (best === null || isBetter(candidate, score, best)) best = { candidate, score }
  }
  if (best !== null) return { kind: 'placed', chosen: best.candidate, score: best.score }
  return busy ? { kind: 'busy' } : { kind: 'ineligible', reason }
}

/**
 * Those whose context holds the prompt, by its estimated size; where none does, those with the
 * longest, because the estimate may be too high.
 */
function withRoom<Some extends Candidate>(eligible: Some[], promptTokens: number): Some[] {
  const longest = eligible.reduce((most, candidate) => Math.max(most, contextOf(candidate)), 0)
  const needed = Math.min(promptTokens, longest)
  return eligible.filter((candidate) => contextOf(candidate) >= needed)
}

const contextOf = ({ model }: Candidate): number => model.contextTokens ?? Infinity

export function scoreOf(candidate: Candidate, request: PlacementRequest, now: number): Score {
  const { workerKey, load, loadMs, model } = candidate
  const seenTokens = loadMs > 0 ? 0 : request.cachedTokens(workerKey) // unloading has emptied it
  const cachedTokens = Math.min(request.promptTokens, seenTokens)
  const rate = model.prefillTokensPerSecond || PREFILL_TOKENS_PER_SECOND_DEFAULT
  const prefillMs = ((request.promptTokens - cachedTokens) / rate) * 1000
  const slots = Math.max(1, model.slots)
  const queued = Math.max(0, load - slots + 1)
  const waitMs = (queued * (candidate.serviceMs || SERVICE_MS_DEFAULT)) / slots
  const { rttMs } = candidate.link
  const wayMs = wayMsOf(candidate.link)
  const distrustMs = candidate.character.distrustMs(now)
  return {
    workerKey,
    loadMs,
    waitMs,
    prefillMs,
    rttMs,
    wayMs,
    cachedTokens,
    distrustMs,
    expectedMs: loadMs + waitMs + prefillMs + rttMs + wayMs + distrustMs
  }
}

/** Returns why the worker may not serve the request, or null. */
export function ineligibility(
  candidate: Candidate,
  constraints: Constraints,
  now: number
): string | null {
  const { exclude, unlike = [], labels, workers, contextTokens = 0 } = constraints
  const { remainingMs = Infinity } = constraints
  if (exclude.has(candidate)) return 'every worker that holds the model has failed it'
  if (unlike.some((model) => isAlike(model, candidate.model))) {
    return 'every worker that holds the model would refuse it in the same way'
  }
  if (!candidate.mayServe) return candidate.notReadyBecause
  if (contextOf(candidate) < contextTokens) return 'no worker has a context that is long enough'
  if (candidate.loadMs > remainingMs) {
    const seconds = Math.ceil(candidate.loadMs / 1000)
    return `it would be loaded in about ${seconds} s, after the request's deadline`
  }
  const missing = Object.entries(labels ?? {}).find(
    ([name, value]) => candidate.labels[name] !== value
  )
  if (missing !== undefined) return `no worker has the label ${missing.join('=')}`
  if (workers?.includes(candidate.workerKey) === false) {
    return 'no worker that the task may run on has the model ready'
  }
  if (!mayAttempt(candidate.breaker, now))
    return 'every worker that holds the model fails at present'
  return null
}

/**
 * With a free slot it may, always. Without one a request waits in the orchestrator's queue, where
 * it is treated fairly and can go to whoever is free first; it waits at the worker only where the
 * prefill that it saves there is worth more than the wait.
 */
function mayWaitThere(candidate: Candidate, { waitMs, cachedTokens }: Score): boolean {
  const { slots, prefillTokensPerSecond } = candidate.model
  if (candidate.load < slots) return true
  if (candidate.load >= slots * (1 + WAITING_PER_SLOT_MAX)) return false
  const rate = prefillTokensPerSecond || PREFILL_TOKENS_PER_SECOND_DEFAULT
  return waitMs < (cachedTokens / rate) * 1000
}

/** Loading is not worth it where a worker that has the model is free sooner. */
const isWorthLoading = ({ loadMs }: Score, { queueMs = Infinity }: PlacementRequest): boolean =>
  loadMs <= queueMs || loadMs === 0

function isBetter(
  candidate: Candidate,
  score: Score,
  best: { candidate: Candidate; score: Score }
): boolean {
  const cost = score.expectedMs + fill(candidate) * FULL_MS
  const difference = cost - best.score.expectedMs - fill(best.candidate) * FULL_MS
  if (Math.abs(difference) > NOISE_MS) return difference < 0
  return candidate.lastPlacedAt < best.candidate.lastPlacedAt // equal workers take turns
}

/** Requests for each slot. */
export const fill = ({ load, model }: Candidate): number => load / Math.max(1, model.slots)

/** The model for a request that names none: the one that most workers hold ready; then by name. */
export function defaultModel(ready: ReadonlyMap<string, number>): string | null {
  let best: string | null = null
  let most = 0
  for (const [model, workers] of ready) {
    const isFirst =
      best === null || workers > most || (workers === most && model.localeCompare(best) < 0)
    if (isFirst) [best, most] = [model, workers]
  }
  return best
}
