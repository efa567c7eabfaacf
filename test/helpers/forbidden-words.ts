/**
 * What nobody may read under a fault that HAIF knows: it hides the cause, or asks people to report
 * as a bug what is none.
 */
import assert from 'node:assert/strict'

const FORBIDDEN =
  /unexpected (failure|error)|please report it|\bundefined\b|internal error|\[object/i

export const isForbidden = (text: string): boolean => FORBIDDEN.test(text)

/** Everything that people could see of a fault test: output, log lines, bodies, messages. */
export function assertNoForbiddenWords(...seen: unknown[]): void {
  for (const each of seen.flat(2)) {
    const text = typeof each === 'string' ? each : JSON.stringify(each)
    assert.doesNotMatch(text, FORBIDDEN)
  }
}
