/**
 * Which batch task gives up its place to an interactive one that finds all places taken (J14). The
 * one that began last has the least to lose.
 */
import type { Lane, Place } from './allot.ts'

export interface Holder {
  place: string
  priority: string
  preemptions: number
  /** By the clock of this service, milliseconds. */
  since: number
}

/** Beyond it a task has been pushed aside often enough. */
const PREEMPTIONS_MAX = 3

/** One for each lane at most: the next pass looks again. */
export function choosePreempted<Run extends Holder>(
  full: readonly Lane[],
  places: readonly Place[],
  runs: readonly Run[]
): Run[] {
  const chosen = new Set<Run>()
  const waiting = full.filter(({ priority }) => priority === 'interactive')
  if (waiting.length === 0) return []
  const batch = runs
    .filter((run) => run.priority === 'batch' && run.preemptions < PREEMPTIONS_MAX)
    .toSorted((a, b) => b.since - a.since)
  for (const { needs, tenant } of waiting) {
    const fitting = new Set(
      places.filter(({ lacks }) => lacks(needs, tenant) === null).map(({ key }) => key)
    )
    const run = batch.find((each) => fitting.has(each.place) && !chosen.has(each))
    if (run !== undefined) chosen.add(run)
  }
  return [...chosen]
}
