/**
 * Which relay a dial goes through: the nearest of those that did not fail lately. A relay is known
 * by the connection that its process has with ours, which also measures how far away it is.
 */

import { within } from '#shared/kit/within.ts'

/** For so long the dials that need a relay first wait for one to be found. */
const FIRST_MS_MAX = 1000
/** The same while they try without one, which seldom works: on a bad line a relay is found late. */
const LATE_MS_MAX = 2500
/** More relays help nobody: a dial tries a few. */
const RELAYS_MAX = 32
/** Relays that one dial tries, one after the other. */
const TRIES_MAX = 4
/** A failure keeps a relay behind the others this long; it doubles with each one in a row. */
const FAILED_MS = 5000
const FAILED_MS_MAX = 300_000
/** A relay whose round trip is not known yet stands behind those that are known to be near. */
const UNKNOWN_RTT_MS = 500

interface RelayEntry {
  key: Buffer
  /** Null while no connection with its process is open. */
  rttMs: (() => number) | null
  failures: number
  failedAt: number
}

export class Relays {
  readonly #entries = new Map<string, RelayEntry>() // by key in hex; at most RELAYS_MAX
  readonly #now: () => number
  /** When a dial first needed one. */
  #neededAt: number | null = null
  readonly #arrivals = Promise.withResolvers<void>()
  readonly #needed = Promise.withResolvers<void>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** A process that relays under this key is connected. */
  add(key: string, rttMs: () => number): void {
    const known = this.#entries.get(key)
    if (known === undefined && this.#entries.size >= RELAYS_MAX) return
    const entry = known ?? { key: Buffer.from(key, 'hex'), rttMs, failures: 0, failedAt: 0 }
    entry.rttMs = rttMs
    this.#entries.set(key, entry)
    this.#arrivals.resolve()
  }

  /** The connection with it is gone; `rttMs` names the connection. */
  lost(key: string, rttMs: () => number): void {
    const entry = this.#entries.get(key)
    if (entry?.rttMs !== rttMs) return
    this.#entries.delete(key)
  }

  get size(): number {
    return this.#entries.size
  }

  /** Resolves when a dial first needs one. */
  get needed(): Promise<void> {
    return this.#needed.promise
  }

  /** Waits for one to be found, when one is needed for the first time. */
  first(): Promise<void> {
    return this.#found(FIRST_MS_MAX)
  }

  /** The same, for those that do something else meanwhile. */
  late(): Promise<void> {
    return this.#found(LATE_MS_MAX)
  }

  async #found(msMax: number): Promise<void> {
    this.#needed.resolve()
    this.#neededAt ??= this.#now()
    const leftMs = this.#neededAt + msMax - this.#now()
    if (this.#entries.size === 0 && leftMs > 0) await within(leftMs, this.#arrivals.promise)
  }

  /** Those to try now, best first. */
  ranked(): Buffer[] {
    const now = this.#now()
    return [...this.#entries.values()]
      .toSorted((a, b) => costOf(a, now) - costOf(b, now))
      .slice(0, TRIES_MAX)
      .map(({ key }) => key)
  }

  worked(key: Buffer): void {
    const entry = this.#entries.get(key.toString('hex'))
    if (entry !== undefined) entry.failures = 0
  }

  failed(key: Buffer): void {
    const entry = this.#entries.get(key.toString('hex'))
    if (entry === undefined) return
    entry.failures++
    entry.failedAt = this.#now()
  }
}

/** The round trip; far above any of them while the relay counts as bad. */
function costOf({ rttMs, failures, failedAt }: RelayEntry, now: number): number {
  const near = rttMs?.() || UNKNOWN_RTT_MS
  if (failures === 0) return near
  const badMs = Math.min(FAILED_MS * 2 ** (failures - 1), FAILED_MS_MAX)
  const leftMs = failedAt + badMs - now
  return leftMs > 0 ? near + FAILED_MS_MAX + leftMs : near
}
