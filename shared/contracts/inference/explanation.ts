/** The reasons for the choice of a worker, for callers who ask. */
import { Type, type Static } from 'typebox'
import { LinkState } from '../peers/links.ts'

/** Candidates that one explanation lists. */
export const CANDIDATES_MAX = 256

/** A worker as placement saw it. Times in milliseconds. */
export const CandidateScore = Type.Object({
  worker: Type.String(),
  waitMs: Type.Number(),
  prefillMs: Type.Number(),
  rttMs: Type.Number(),
  /** The way to it: this machine, the local network, the internet, or through a relay. */
  path: Type.Optional(LinkState.properties.path),
  /** Of its packets, those that had to be sent again. */
  lossPercent: Type.Optional(Type.Number()),
  /** What loss and relay add to the round trip; absent: nothing. */
  wayMs: Type.Optional(Type.Number()),
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
