/**
 * Bounds how often topic keys that are not good can be tried. A secret has 128 bits, so nobody
 * guesses one; but each try is a transaction in the store.
 */
import { HaifError } from '#shared/errors.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'

/** Failures within a minute, from one address and from all together. */
const FAILURES_MAX = 20
const ALL_FAILURES_MAX = 600
const WINDOW_MS = 60_000
const ADDRESSES_MAX = 4096
/** What all addresses together are counted under; no address looks like this. */
const ALL = ''

interface Window {
  startedAt: number
  failures: number
}

export class Attempts {
  readonly #windows = new BoundedMap<string, Window>(ADDRESSES_MAX)
  readonly #now: () => number

  /** `now` in milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Throws REDEEM_LIMIT. */
  assertMayTry(address: string): void {
    this.#assertBelow(address, FAILURES_MAX, 'from this address')
    this.#assertBelow(ALL, ALL_FAILURES_MAX, 'at this registry')
  }

  failed(address: string): void {
    for (const key of [address, ALL]) {
      const window = this.#window(key)
      this.#windows.set(key, { ...window, failures: window.failures + 1 })
    }
  }

  #assertBelow(key: string, max: number, where: string): void {
    const { startedAt, failures } = this.#window(key)
    if (failures < max) return
    const retryAfterMs = Math.max(1000, startedAt + WINDOW_MS - this.#now())
    throw new HaifError(
      'REDEEM_LIMIT',
      `too many topic keys that are not good were tried ${where}: ` +
        `wait ${Math.ceil(retryAfterMs / 1000)} s, then join with one that is`,
      { retryAfterMs }
    )
  }

  #window(key: string): Window {
    const now = this.#now()
    const window = this.#windows.get(key)
    const isOpen = window !== undefined && now - window.startedAt < WINDOW_MS
    return isOpen ? window : { startedAt: now, failures: 0 }
  }
}
