/**
 * Keeps a connection to every peer of one role: looks the role's topic up again and again, dials
 * what is new, and dials again what was lost.
 *
 * A lookup is only a hint. Records of dead peers stay for minutes, so a key that cannot be reached
 * is tried ever more rarely. And a DHT that has been restarted lists nobody for a while, so a key
 * is forgotten only when it is neither listed nor reached.
 */
import { HaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import { counter, histogram } from '#shared/telemetry/instruments.ts'
import { backoffMs } from '#shared/kit/backoff.ts'
import { isRefusal, type DialFailure } from '../diagnosis/diagnose.ts'

/**
 * Time between two dials of a key that cannot be reached: a few lookups, so that a restart is seen
 * soon.
 */
const DIAL_FIRST_MS = 500
const DIAL_LOOKUPS_MAX = 1.5
const DIAL_MS_MAX_LEAST = 2000
/**
 * Until a first peer is found, lookups start close together and spread out: over seconds at first,
 * and over half a minute when there has been nobody for minutes. On the internet each one asks some
 * twenty nodes, and a home may be off for days.
 */
const SEARCH_BACKOFF = { firstMs: 100, maxMs: 2000 }
const EMPTY_LOOKUPS_MANY = 60
const SEARCH_MS_MAX = 30_000
/** Peers of one role; the DHT gives about 20 records for a topic and node. */
const PEERS_MAX = 256
/**
 * Dials at a time of keys that only a lookup has named. Anybody who has seen the topic can announce
 * any number of them.
 */
const STRANGERS_DIALLED_MAX = 32
/** Failed dials in a row after which a key that is not listed either is forgotten. */
const FORGET_AFTER = 3
/** After a connection that lasted this long the back-off begins anew. */
const LASTED_MS = 5000

interface FollowerOptions {
  /** Asks who announces a topic. Resolves to false when nobody has answered. */
  search: (topic: Buffer, onKey: (publicKey: Buffer) => void) => Promise<boolean>
  /** One, or two while the mesh moves on to a new epoch. */
  topics: () => Buffer[]
  /** Time between two lookups once a peer is connected. It doubles while nothing happens. */
  lookupMs: number
  /** Up to this; absent: it does not. */
  lookupMsMax?: number
  /** True: nothing hangs on it now whether the mesh has a peer of the role. */
  canWait?: () => boolean
  /** Own key and others never to dial, hex. */
  isSelf: (key: string) => boolean
  isConnected: (key: string) => boolean
  /**
   * Resolves when the connection is open, rejects when it could not be opened. `again`: also while
   * there is one, which is in doubt.
   */
  dial: (publicKey: Buffer, again: boolean) => Promise<void>
  random: () => number
  now: () => number
  log: Logger
}

interface Known {
  publicKey: Buffer
  /** Why the latest dial failed; null: it did not. */
  failure: DialFailure | null
  /** Dials that failed and connections that broke soon, since one that lasted. */
  failures: number
  /** Not dialled before this. */
  notBefore: number
  connectedAt: number
  dialing: boolean
  /** A member has named it, or it was connected before: not only a lookup. */
  isTrusted: boolean
}

export class Follower {
  readonly #options: FollowerOptions
  readonly #known = new Map<string, Known>() // at most PEERS_MAX
  readonly #lookups = counter('haif_dht_lookups_total')
  readonly #lookupSeconds = histogram('haif_dht_lookup_seconds')
  #timer: NodeJS.Timeout | null = null
  #lookupAt = 0
  #looking = false
  #emptyLookups = 0
  /** Lookups since something was found, lost or changed. */
  #uneventful = 0
  #strangersDialled = 0
  #stopped = false

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  start(): void {
    this.#schedule()
  }

  stop(): void {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /** Peers found, and why those that were dialled in vain cannot be reached. */
  get contact(): { found: number; failures: DialFailure[] } {
    const failures = [...this.#known.values()].map(({ failure }) => failure)
    return { found: this.#known.size, failures: failures.filter((failure) => failure !== null) }
  }

  /** A member knows this key, hex, as a peer of the role. */
  suggest(key: string): void {
    const known = this.#known.get(key)
    if (known === undefined) this.#remember(key, Buffer.from(key, 'hex'), true)
    else known.isTrusted = true
  }

  /** A connection to this key was lost: look and dial soon. */
  lost(key: string): void {
    const known = this.#known.get(key)
    if (known === undefined) return
    if (this.#options.now() - known.connectedAt > LASTED_MS) known.failures = 0
    this.#failed(known)
    // A peer that has stopped has withdrawn: looking first spares the dial.
    this.#lookupAt = Math.min(this.#lookupAt, known.notBefore)
    this.#uneventful = 0
    this.#schedule()
  }

  /** A peer is in doubt: it is dialled beside the connection that there is, which it replaces. */
  redial(key: string): void {
    const known = this.#known.get(key)
    if (this.#stopped || known === undefined || known.dialing) return
    known.dialing = true
    void this.#dial(key, known, true)
  }

  /** The network has changed: what failed or was found before says nothing any more. */
  hurry(): void {
    for (const known of this.#known.values()) {
      known.failures = 0
      known.notBefore = 0
    }
    this.#lookupAt = 0
    this.#uneventful = 0
    this.#emptyLookups = 0
    this.#schedule()
  }

  #schedule(): void {
    if (this.#stopped) return
    let next = this.#looking ? Infinity : this.#lookupAt
    const isFull = this.#strangersDialled >= STRANGERS_DIALLED_MAX // the next that ends schedules
    for (const [key, known] of this.#known) {
      if (this.#isBusy(key, known) || (isFull && !known.isTrusted)) continue
      next = Math.min(next, known.notBefore)
    }
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (next === Infinity) return // the lookup will schedule
    const ms = Math.max(0, Math.ceil(next - this.#options.now()))
    this.#timer = setTimeout(() => this.#round(), ms)
  }

  #round(): void {
    if (!this.#looking && this.#options.now() >= this.#lookupAt) void this.#look()
    for (const [key, known] of this.#known) this.#dialIfDue(key, known)
    this.#schedule()
  }

  async #look(): Promise<void> {
    const { search, topics, isConnected, now, random } = this.#options
    this.#looking = true
    const listed = new Set<string>()
    const startedAt = performance.now()
    const onKey = (publicKey: Buffer) => {
      const key = publicKey.toString('hex')
      listed.add(key)
      this.#remember(key, publicKey)
    }
    const answers = await Promise.all(topics().map((topic) => search(topic, onKey)))
    const answered = answers.includes(true)
    this.#looking = false
    this.#lookups.add(1, { answered })
    this.#lookupSeconds.record((performance.now() - startedAt) / 1000)
    if (answered) this.#forgetAllBut(listed)
    const connected = [...this.#known.keys()].some((key) => isConnected(key))
    this.#emptyLookups = connected ? 0 : this.#emptyLookups + 1
    const waitMs = connected
      ? this.#lookupMs() * (0.75 + random() / 2)
      : backoffMs({ ...SEARCH_BACKOFF, maxMs: this.#searchMsMax() }, this.#emptyLookups, random())
    this.#lookupAt = now() + waitMs
    this.#schedule()
  }

  #searchMsMax(): number {
    const { lookupMsMax = 0, canWait } = this.#options
    const soonMs = SEARCH_BACKOFF.maxMs
    if (canWait?.() === true) return Math.max(soonMs, lookupMsMax)
    if (this.#emptyLookups <= EMPTY_LOOKUPS_MANY) return soonMs
    return Math.max(soonMs, Math.min(lookupMsMax, SEARCH_MS_MAX))
  }

  #lookupMs(): number {
    const { lookupMs, lookupMsMax = lookupMs } = this.#options
    return Math.min(lookupMs * 2 ** this.#uneventful++, lookupMsMax)
  }

  #remember(key: string, publicKey: Buffer, isTrusted = false): void {
    if (this.#known.has(key) || this.#options.isSelf(key)) return
    this.#uneventful = 0
    if (this.#stopped || !this.#makeRoom()) return
    const never = { failures: 0, failure: null, notBefore: 0, connectedAt: 0 }
    const known: Known = { publicKey, dialing: false, isTrusted, ...never }
    this.#known.set(key, known)
    this.#dialIfDue(key, known)
  }

  /** A stranger that was tried in vain gives way, so that those who come first stay no longer. */
  #makeRoom(): boolean {
    if (this.#known.size < PEERS_MAX) return true
    for (const [key, known] of this.#known) {
      if (known.isTrusted || known.failures === 0 || this.#isBusy(key, known)) continue
      return this.#known.delete(key)
    }
    return false
  }

  #forgetAllBut(listed: Set<string>): void {
    for (const [key, known] of this.#known) {
      if (listed.has(key) || this.#isBusy(key, known)) continue
      if (known.failures >= FORGET_AFTER) this.#known.delete(key)
    }
  }

  #isBusy(key: string, known: Known): boolean {
    return known.dialing || this.#options.isConnected(key)
  }

  #dialIfDue(key: string, known: Known): void {
    if (this.#isBusy(key, known) || this.#options.now() < known.notBefore) return
    if (!known.isTrusted && this.#strangersDialled >= STRANGERS_DIALLED_MAX) return
    known.dialing = true
    void this.#dial(key, known)
  }

  async #dial(key: string, known: Known, again = false): Promise<void> {
    const { dial, now } = this.#options
    const strangers = known.isTrusted ? 0 : 1
    this.#strangersDialled += strangers
    try {
      await dial(known.publicKey, again)
      known.connectedAt = now()
      known.isTrusted = true
      known.failure = null
    } catch (error) {
      this.#failed(known)
      const failure = failureOf(error)
      this.#logFailure(key, failure, known.failure)
      known.failure = failure
    } finally {
      known.dialing = false
      this.#strangersDialled -= strangers
    }
    this.#schedule()
  }

  #failed(known: Known): void {
    known.failures++
    known.notBefore = this.#options.now() + this.#jittered(known.failures)
  }

  #logFailure(key: string, { code, message }: DialFailure, before: DialFailure | null): void {
    if (this.#stopped) return
    // A refusal does not pass by itself, so a person has to read it; but once is enough.
    const level = isRefusal(code) && before?.code !== code ? 'warn' : 'debug'
    this.#options.log[level]({ peer: key, code, message }, 'dial failed')
  }

  #jittered(failures: number): number {
    const { lookupMs, random } = this.#options
    const maxMs = Math.max(DIAL_MS_MAX_LEAST, lookupMs * DIAL_LOOKUPS_MAX)
    return backoffMs({ firstMs: DIAL_FIRST_MS, maxMs }, failures, random())
  }
}

/** `now`: of the calendar. */
export function failureOf(error: unknown, now = Date.now()): DialFailure {
  const { code = 'INTERNAL', message } = error as { code?: string; message: string }
  const there = error instanceof HaifError ? error.details?.['now'] : undefined
  return typeof there === 'number'
    ? { code, message, clockAheadMs: now - there }
    : { code, message }
}
