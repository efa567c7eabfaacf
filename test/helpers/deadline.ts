/**
 * How long a test may wait follows the machine: beside other work, or on a slow one, everything
 * takes longer, and a test that fails there says nothing about HAIF. The measure costs nothing: how
 * long Node took to start, which is always the same work, and how many others want the cores now.
 */
import { availableParallelism, loadavg } from 'node:os'

/** Node starts within this, before it loads any module, on two cores that run only the tests. */
const QUIET_START_MS = 60
/** What wants each core while only the tests run. */
const OWN_LOAD = 2
/** Beyond it a test that hangs would hold up a run for too long. */
const SLOWNESS_MAX = 10

const startMs = performance.nodeTiming.bootstrapComplete

/** How many times longer than on a quiet machine something takes here and now. */
function slowness(): number {
  const perCore = loadavg()[0]! / availableParallelism() / OWN_LOAD
  return Math.min(Math.max(1, startMs / QUIET_START_MS, perCore), SLOWNESS_MAX)
}

/** How long to wait here for something that a quiet machine has done within `quietMs`. */
export function patience(quietMs: number): number {
  return Math.round(quietMs * slowness())
}
