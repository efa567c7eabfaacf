/** Why a worker was chosen, for people: what placement saw of each candidate, and a sentence. */
import type { CandidateScore, Explanation } from '#shared/contracts/inference.ts'
import {
  ineligibility,
  scoreOf,
  type Candidate,
  type PlacementRequest,
  type Score
} from './placement.ts'

export function explain(
  chosen: Score,
  candidates: Iterable<Candidate>,
  request: PlacementRequest,
  now: number
): Explanation {
  return {
    worker: chosen.workerKey,
    reason: reasonOf(chosen, request),
    candidates: [...candidates].map((candidate) => describe(candidate, request, now))
  }
}

function describe(candidate: Candidate, request: PlacementRequest, now: number): CandidateScore {
  const { workerKey, ...score } = scoreOf(candidate, request)
  const { load, model } = candidate
  const described = { worker: workerKey, ...score, load, slots: model.slots }
  const ineligible = ineligibility(candidate, request, now)
  return ineligible === null ? described : { ...described, ineligible }
}

function reasonOf(score: Score, { promptTokens }: PlacementRequest): string {
  const { waitMs, prefillMs, rttMs, cachedTokens, expectedMs } = score
  const parts = `wait ${round(waitMs)} + prefill ${round(prefillMs)} + round trip ${round(rttMs)}`
  const cached =
    cachedTokens > 0
      ? `; about ${Math.round((cachedTokens / promptTokens) * 100)} % of the prompt is cached there`
      : ''
  return `least expected time to first token, ${round(expectedMs)} ms (${parts})${cached}`
}

const round = (ms: number): number => Math.round(ms * 10) / 10
