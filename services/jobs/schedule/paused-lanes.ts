/**
 * Lanes from which nothing is taken for a while, because the first task could not run now: the
 * others in it need the same. Each keeps its place, as nothing is written about those that wait.
 */
import { backoffMs } from '#shared/kit/backoff.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { Lane } from './allot.ts'

const LANES_MAX = 4096
const PAUSE = { firstMs: 250, maxMs: 15_000 }

interface Paused {
  until: number
  times: number
  reason: string
}

type LaneName = Pick<Lane, 'tenant' | 'needsKey'>

export class PausedLanes {
  readonly #paused = new BoundedMap<string, Paused>(LANES_MAX)
  readonly #now: () => number
  readonly #random: () => number

  constructor(now: () => number, random: () => number) {
    this.#now = now
    this.#random = random
  }

  /** Returns for how long. `retryAfterMs`: as whoever could not take it has said. */
  pause(lane: LaneName, reason: string, retryAfterMs = 0): number {
    const times = (this.#paused.get(nameOf(lane))?.times ?? 0) + 1
    const pauseMs = Math.max(
      Math.min(retryAfterMs, PAUSE.maxMs),
      backoffMs(PAUSE, times, this.#random())
    )
    this.#paused.set(nameOf(lane), { until: this.#now() + pauseMs, times, reason })
    return pauseMs
  }

  /** A task of it has begun somewhere. */
  resume(lane: LaneName): void {
    this.#paused.delete(nameOf(lane))
  }

  isPaused(lane: LaneName): boolean {
    return (this.#paused.get(nameOf(lane))?.until ?? 0) > this.#now()
  }

  /** Why its tasks wait; undefined: nothing has kept them. */
  reason(lane: LaneName): string | undefined {
    return this.#paused.get(nameOf(lane))?.reason
  }
}

const nameOf = ({ tenant, needsKey }: LaneName): string => `${needsKey}/${tenant}`
