/** Explains a choice to people: the score of each candidate, and a sentence. */
import {
  CANDIDATES_MAX,
  type CandidateScore,
  type Explanation
} from '#shared/contracts/inference/explanation.ts'
import {
  ineligibility,
  scoreOf,
  type Candidate as Placed,
  type PlacementRequest,
  type Score
} from './placement.ts'
import type { Character } from '../workers/holding.ts'

interface Candidate extends Placed {
  readonly character: Character
}

/** Lists as many candidates as the contract allows; the chosen worker is always among them. */
export function explain(
  chosen: Score,
  candidates: Iterable<Candidate>,
  request: PlacementRequest,
  now: number
): Explanation {
  const chosenFirst = [...candidates].toSorted(
    (a, b) => Number(b.workerKey === chosen.workerKey) - Number(a.workerKey === chosen.workerKey)
  )
  return {
    worker: chosen.workerKey,
    reason: reasonOf(chosen, request),
    candidates: chosenFirst
      .slice(0, CANDIDATES_MAX)
      .map((candidate) => describe(candidate, request, now))
  }
}

function describe(candidate: Candidate, request: PlacementRequest, now: number): CandidateScore {
  const { workerKey, distrustMs, wayMs, ...score } = scoreOf(candidate, request, now)
  const { load, model, link } = candidate
  const described: CandidateScore = { worker: workerKey, ...score, load, slots: model.slots }
  if (link.path !== undefined) described.path = link.path
  if (wayMs > 0) Object.assign(described, { wayMs, lossPercent: link.lossPercent ?? 0 })
  const standing = candidate.character.standing(now)
  if (standing !== null) Object.assign(described, { distrustMs, heldAgainst: standing.reason })
  const ineligible = ineligibility(candidate, request, now)
  return ineligible === null ? described : { ...described, ineligible }
}

/** Why a worker was chosen. */
export function reasonOf(
  score: Score,
  { promptTokens }: Pick<PlacementRequest, 'promptTokens'>
): string {
  const { loadMs, waitMs, prefillMs, rttMs, wayMs, cachedTokens, distrustMs, expectedMs } = score
  const load = loadMs > 0 ? `loading ${round(loadMs)} + ` : ''
  const prefill = `prefill ${round(prefillMs)}`
  const distrust = distrustMs > 0 ? ` + held against it ${round(distrustMs)}` : ''
  const way = wayMs > 0 ? ` + loss and relay ${round(wayMs)}` : ''
  const trip = `round trip ${round(rttMs)}${way}`
  const parts = `${load}wait ${round(waitMs)} + ${prefill} + ${trip}${distrust}`
  const cached =
    cachedTokens > 0
      ? `; about ${Math.round((cachedTokens / promptTokens) * 100)} % of the prompt is cached there`
      : ''
  return `least expected time to first token, ${round(expectedMs)} ms (${parts})${cached}`
}

const round = (ms: number): number => Math.round(ms * 10) / 10
