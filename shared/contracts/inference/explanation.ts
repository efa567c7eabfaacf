/** The reasons for the choice of a worker, for callers who ask. */
import { Type, type Static } from 'typebox'

/** Candidates that one explanation lists. */
export const CANDIDATES_MAX = 256

/** A worker as placement saw it. Times in milliseconds. */
export const CandidateScore = Type.Object({
  worker: Type.String(),
  waitMs: Type.Number(),
  prefillMs: Type.Number(),
  rttMs: Type.Number(),
  cachedTokens: Type.Number(),
  /** The time to load the model, where it is not in memory. */
  loadMs: Type.Optional(Type.Number()),
  /** What the worker has done wrong, in words, and the time that it counts as. */
  heldAgainst: Type.Optional(Type.String()),
  distrustMs: Type.Optional(Type.Number()),
  /** Expected time to first token: the sum of these times. */
  expectedMs: Type.Number(),
  load: Type.Number(),
  slots: Type.Number(),
  /** Why it could not be chosen. */
  ineligible: Type.Optional(Type.String())
})
export type CandidateScore = Static<typeof CandidateScore>

export const Explanation = Type.Object({
  worker: Type.String(),
  reason: Type.String(),
  candidates: Type.Array(CandidateScore, { maxItems: CANDIDATES_MAX })
})
export type Explanation = Static<typeof Explanation>
