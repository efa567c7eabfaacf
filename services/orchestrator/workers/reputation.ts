/**
 * What a worker has done wrong, as this orchestrator has seen it: it lied, it broke off, it was
 * slow. Each counts in placement as time that the next answer may take, and fades. A breaker keeps
 * away from a worker that fails now; this remembers one that does so again and again.
 *
 * It is kept under the worker's key and not with its connection, because a new connection makes
 * nobody better. `now` goes in, and nothing leaves the orchestrator but what `describe` says.
 */
import { BoundedMap } from '#shared/kit/bounded-map.ts'

/**
 * `lied`: it sent what cannot be an answer, or counted what cannot have been. `brokeOff`: it failed
 * or went away with a request in its hands. `slow`: it was silent until another had answered.
 */
export type Fault = 'lied' | 'brokeOff' | 'slow'

interface Held {
  /** As of `at`; half of them are gone `HALF_LIFE_MS` later. */
  points: number
  at: number
  /** Since it last had a clean name. */
  counts: Partial<Record<Fault, number>>
}

/** A worker's faults at one moment. */
export interface Standing {
  /** Added to the time until a first token is expected there. */
  distrustMs: number
  /** For people: "lied 2 times, slow once; the last 3 min ago". */
  reason: string
}

const POINTS: Record<Fault, number> = { lied: 4, brokeOff: 1, slow: 0.5 }
const POINT_MS = 500
const POINTS_MAX = 64
const HALF_LIFE_MS = 600_000
/** A worker with fewer has a clean name again: one broken answer is forgotten in 33 minutes. */
const POINTS_MIN = 0.1
/** Workers with a name; of those that are over it, the one heard of longest ago is forgotten. */
const WORKERS_MAX = 4096

export class Reputation {
  readonly #held = new BoundedMap<string, Held>(WORKERS_MAX)

  add(workerKey: string, fault: Fault, now: number): void {
    const before = this.#current(workerKey, now)
    const counts = { ...before?.counts, [fault]: (before?.counts[fault] ?? 0) + 1 }
    const points = Math.min(POINTS_MAX, pointsAt(before, now) + POINTS[fault])
    this.#held.set(workerKey, { points, at: now, counts })
  }

  /** Null: nothing is held against it. */
  standing(workerKey: string, now: number): Standing | null {
    const held = this.#current(workerKey, now)
    if (held === undefined) return null
    return { distrustMs: pointsAt(held, now) * POINT_MS, reason: describe(held, now) }
  }

  distrustMs(workerKey: string, now: number): number {
    return pointsAt(this.#current(workerKey, now), now) * POINT_MS
  }

  #current(workerKey: string, now: number): Held | undefined {
    const held = this.#held.get(workerKey)
    if (held === undefined || pointsAt(held, now) >= POINTS_MIN) return held
    this.#held.delete(workerKey)
    return undefined
  }
}

const pointsAt = (held: Held | undefined, now: number): number =>
  held === undefined ? 0 : held.points * 2 ** (-Math.max(0, now - held.at) / HALF_LIFE_MS)

const WORDS: Record<Fault, string> = { lied: 'lied', brokeOff: 'broke off', slow: 'slow' }

function describe({ counts, at }: Held, now: number): string {
  const faults = Object.entries(counts).map(
    ([fault, count]) => `${WORDS[fault as Fault]} ${count === 1 ? 'once' : `${count} times`}`
  )
  return `${faults.join(', ')}; the last ${ago(now - at)} ago`
}

const ago = (ms: number): string =>
  ms < 60_000 ? `${Math.max(0, Math.round(ms / 1000))} s` : `${Math.round(ms / 60_000)} min`
