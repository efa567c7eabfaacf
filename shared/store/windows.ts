/**
 * Counts of what was granted lately, as they are kept in memory. A sliding window is cut into
 * slices; a slice counts as a whole until its last moment has left the window, so that never too
 * much is granted. `redis-scripts.ts` does the same in Redis.
 */
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { Draw, Grant, LimitState, Refusal } from './shared-state.ts'

const SLICES = 60
/** One slice for all of a calendar period; its end is the caller's to know. */
const WHOLE_PERIOD_MS = 1e15
/** Callers that have drawn lately; over it the one that has not drawn for longest is forgotten. */
const KEYS_MAX = 100_000

interface Slicing {
  sliceMs: number
  /** Slices before the running one that count. */
  before: number
}

export function slicingOf({ kind, windowMs }: Draw): Slicing {
  if (kind === 'calendar') return { sliceMs: WHOLE_PERIOD_MS, before: 0 }
  return { sliceMs: Math.max(1, Math.ceil(windowMs / SLICES)), before: SLICES }
}

interface Window {
  slices: Map<number, number> // at most SLICES + 1
  /** The sum of all slices. */
  used: number
  /** No slice is older, and none is newer. */
  oldest: number
  newest: number
  endsAt: number
}

export class Windows {
  readonly #windows = new BoundedMap<string, Window>(KEYS_MAX)

  /** `weight`: the number of times that a grant counts; see `RedisState`. Times are in ms. */
  draw(draws: readonly Draw[], now: number, weight = 1): Grant | Refusal {
    const found = draws.map((draw) => this.#look(draw, now))
    const waits = draws.map((draw, i) => waitMs(draw, found[i]!, now, weight))
    const refusedBy = longest(waits)
    if (refusedBy !== null) {
      const states = draws.map((draw, i) => stateOf(draw, found[i]!, now))
      const wait = waits[refusedBy]!
      return { granted: false, refusedBy, retryAfterMs: wait === Infinity ? null : wait, states }
    }
    const states = draws.map((draw, i) => {
      this.#add(draw, found[i]!, draw.amount * weight, now)
      return stateOf(draw, found[i]!, now)
    })
    return { granted: true, states, at: now }
  }

  settle(draw: Draw, difference: number, at: number, now: number): void {
    const window = this.#look(draw, now)
    const { sliceMs, before } = slicingOf(draw)
    const isGone = Math.floor(at / sliceMs) < Math.floor(now / sliceMs) - before
    if (isGone && difference < 0) return
    this.#add(draw, window, difference, isGone ? now : at)
  }

  /** Raises a count to a higher one of somebody else: the difference was granted there, by now. */
  raise(draw: Draw, used: number, now: number): void {
    const window = this.#look(draw, now)
    const missing = used - window.used
    if (missing > 0) this.#add(draw, window, missing, now)
  }

  /** The window of a draw, without the slices that have left it. */
  #look(draw: Draw, now: number): Window {
    const known = this.#windows.get(draw.key)
    const { sliceMs, before } = slicingOf(draw)
    const oldest = Math.floor(now / sliceMs) - before
    if (known === undefined) {
      return { slices: new Map(), used: 0, oldest, newest: oldest, endsAt: now + draw.windowMs }
    }
    if (draw.kind === 'calendar' && now >= known.endsAt) {
      known.slices.clear()
      known.used = 0
    }
    if (oldest > known.oldest) dropBefore(known, oldest)
    return known
  }

  #add(draw: Draw, window: Window, amount: number, at: number): void {
    const slice = Math.floor(at / slicingOf(draw).sliceMs)
    window.slices.set(slice, (window.slices.get(slice) ?? 0) + amount)
    window.used += amount
    window.newest = Math.max(window.newest, slice)
    if (draw.kind === 'calendar') window.endsAt = Math.max(window.endsAt, at + draw.windowMs)
    this.#windows.set(draw.key, window) // it has drawn last
  }
}

function dropBefore(window: Window, oldest: number): void {
  for (const [slice, amount] of window.slices) {
    if (slice >= oldest) continue
    window.slices.delete(slice)
    window.used -= amount
  }
  window.oldest = oldest
}

/** Milliseconds until the draw fits; 0 when it fits now. */
function waitMs(draw: Draw, window: Window, now: number, weight: number): number {
  const { amount, max } = draw
  if (amount > max) return Infinity
  const { used } = window
  let over = used + amount * weight - max
  // When a process's share is less than one draw, it grants one draw at a time.
  if (over <= 0 || used <= 0) return 0
  if (draw.kind === 'calendar') return Math.max(1, window.endsAt - now)
  const { sliceMs, before } = slicingOf(draw)
  let end = now
  for (const [slice, used] of [...window.slices].toSorted(([a], [b]) => a - b)) {
    over -= used
    end = (slice + before + 1) * sliceMs
    if (over <= 0) break
  }
  return Math.max(1, end - now)
}

function stateOf(draw: Draw, window: Window, now: number): LimitState {
  const used = Math.max(0, window.used)
  if (used === 0) return { used, resetMs: 0 }
  if (draw.kind === 'calendar') return { used, resetMs: Math.max(0, window.endsAt - now) }
  const { sliceMs, before } = slicingOf(draw)
  return { used, resetMs: Math.max(0, (window.newest + before + 1) * sliceMs - now) }
}

function longest(waits: number[]): number | null {
  const wait = Math.max(0, ...waits)
  return wait === 0 ? null : waits.indexOf(wait)
}
