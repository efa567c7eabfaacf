/** Rates over several windows at once: a request is let in by all of them, or counts in none. */
import { SlidingWindow } from './sliding-window.ts'

export interface RateAsk {
  /** Whose, and of what. */
  key: string
  amount: number
  limit: number
  windowMs: number
}

export interface RateState {
  used: number
  resetMs: number
}

export interface RateVerdict {
  /** Which ask did not fit, and until it would; null: all were let in. */
  refused: { index: number; waitMs: number } | null
  /** Of each ask, after this one. */
  states: RateState[]
  /** Where it counts, for `settle`. */
  at: number
}

/** At once where the counts are in memory; otherwise where several gateways share them. */
export interface Rates {
  take(asks: readonly RateAsk[]): RateVerdict | Promise<RateVerdict>
  /** Corrects what was taken `at` that time, now that it is known. */
  settle(key: string, windowMs: number, by: number, at: number): void
}

/** One for each token and tenant with a limit; the longest unused are forgotten. */
const WINDOWS_MAX = 50_000

export class LocalRates implements Rates {
  readonly #windows = new Map<string, SlidingWindow>() // at most WINDOWS_MAX, longest unused first
  readonly #now: () => number
  /** What part of each limit is ours, while others grant the rest. */
  readonly #share: () => number

  constructor(now: () => number, share: () => number = () => 1) {
    this.#now = now
    this.#share = share
  }

  take(asks: readonly RateAsk[]): RateVerdict {
    const now = this.#now()
    const share = this.#share()
    let refused: RateVerdict['refused'] = null
    const windows = asks.map(({ key, windowMs }) => this.#window(key, windowMs))
    for (const [index, { amount, limit }] of asks.entries()) {
      const waitMs = windows[index]!.waitMs(amount, partOf(limit, share), now)
      if (waitMs > (refused?.waitMs ?? 0)) refused = { index, waitMs }
    }
    if (refused === null) {
      for (const [index, window] of windows.entries()) window.add(asks[index]!.amount, now)
    }
    return { refused, states: windows.map((window) => window.read(now)), at: now }
  }

  settle(key: string, windowMs: number, by: number, at: number): void {
    this.#windows.get(nameOf(key, windowMs))?.correct(by, at)
  }

  #window(key: string, windowMs: number): SlidingWindow {
    const name = nameOf(key, windowMs)
    const window = this.#windows.get(name) ?? new SlidingWindow(windowMs)
    this.#windows.delete(name)
    this.#windows.set(name, window)
    if (this.#windows.size > WINDOWS_MAX) {
      const [oldest] = this.#windows.keys()
      if (oldest !== undefined) this.#windows.delete(oldest)
    }
    return window
  }
}

const nameOf = (key: string, windowMs: number): string => `${key}/${windowMs}`

/** At least one, else nobody would be let in while the shared counts are away. */
const partOf = (limit: number, share: number): number => Math.max(1, Math.floor(limit * share))
