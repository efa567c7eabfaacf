/** Why a worker was chosen, for those who ask. */
import { Type, type Static } from 'typebox'

/** A worker as placement saw it. Times in milliseconds. */
export const CandidateScore = Type.Object({
  worker: Type.String(),
  waitMs: Type.Number(),
  prefillMs: Type.Number(),
  rttMs: Type.Number(),
  cachedTokens: Type.Number(),
  /** Of a model that is not in memory there. */
  loadMs: Type.Optional(Type.Number()),
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
  candidates: Type.Array(CandidateScore, { maxItems: 256 })
})
export type Explanation = Static<typeof Explanation>
