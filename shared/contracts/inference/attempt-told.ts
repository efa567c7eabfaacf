/** One try of a request on one worker, told to the books and to operators. */
import { Type, type Static } from 'typebox'
import { PlainText } from '../plain-text.ts'

/** A request has fewer; beyond it the latest are left out. */
export const ATTEMPTS_TOLD_MAX = 16
const Milliseconds = Type.Number({ minimum: 0 })

/** Times count from the arrival of the request at its orchestrator. */
export const AttemptTold = Type.Object({
  /** Public key, hex. */
  worker: PlainText(64),
  /** Why placement chose it. */
  reason: PlainText(512),
  startedMs: Milliseconds,
  /** Absent: it never said anything. */
  firstItemMs: Type.Optional(Milliseconds),
  endedMs: Milliseconds,
  /** `refused`: the worker had no slot after all. `fenced`: another attempt took its place. */
  outcome: Type.Enum(['answered', 'failed', 'refused', 'fenced']),
  code: Type.Optional(PlainText(64)),
  message: Type.Optional(PlainText(512)),
  /** What stood behind the error, as far as it is known. */
  cause: Type.Optional(PlainText(512))
})
export type AttemptTold = Static<typeof AttemptTold>
