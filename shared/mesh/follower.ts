/**
 * Keeps a connection to every peer of one role: looks the role's topic up again and again, dials
 * what is new, and dials again what was lost.
 *
 * A lookup is only a hint. Records of dead peers stay for minutes, so a key that cannot be reached
 * is tried ever more rarely, and forgotten when the DHT no longer lists it.
 */
import type DHT from 'hyperdht'
import type { Logger } from '#shared/log.ts'
import { backoffMs } from './backoff.ts'

const DIAL_BACKOFF = { firstMs: 500, maxMs: 15_000 }
const LOOKUP_MS_MAX = 5000
/** Until a first peer is found, lookups start close together and spread out. */
const SEARCH_BACKOFF = { firstMs: 100, maxMs: 2000 }
/** Peers of one role; the DHT gives about 20 records for a topic and node. */
const PEERS_MAX = 256

export interface FollowerOptions {
  dht: DHT
  topic: Buffer
  /** Time between two lookups once a peer is connected. */
  lookupMs: number
  /** Own key and others never to dial, hex. */
  isSelf(key: string): boolean
  isConnected(key: string): boolean
  /** Resolves when the connection is open, rejects when it could not be opened. */
  dial(publicKey: Buffer): Promise<void>
  random(): number
  now(): number
  log: Logger
}

interface Known {
  publicKey: Buffer
  failures: number
  /** Not dialled before this. */
  notBefore: number
  dialing: boolean
}

export class Follower {
  readonly #options: FollowerOptions
  readonly #known = new Map<string, Known>() // at most PEERS_MAX
  #timer: NodeJS.Timeout | null = null
  #emptyLookups = 0
  #stopped = false

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  start(): void {
    void this.#round()
  }

  stop(): void {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /** A connection to this key was lost: look and dial soon. */
  lost(key: string): void {
    const known = this.#known.get(key)
    if (known === undefined || this.#stopped) return
    known.failures = 1
    known.notBefore = this.#options.now() + this.#jittered(known.failures)
    this.#schedule(known.notBefore - this.#options.now())
  }

  async #round(): Promise<void> {
    const found = await this.#lookup()
    if (this.#stopped) return
    if (found !== null) this.#remember(found)
    for (const [key, known] of this.#known) this.#dialIfDue(key, known)
    const connected = [...this.#known.keys()].some((key) => this.#options.isConnected(key))
    this.#emptyLookups = connected ? 0 : this.#emptyLookups + 1
    this.#schedule(
      connected
        ? this.#options.lookupMs * (0.75 + this.#options.random() / 2)
        : backoffMs(SEARCH_BACKOFF, this.#emptyLookups, this.#options.random())
    )
  }

  #schedule(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#round(), ms)
  }

  /** Null when the DHT could not be asked: then nothing is known, rather than nobody there. */
  async #lookup(): Promise<Map<string, Buffer> | null> {
    const { dht, topic, log } = this.#options
    const found = new Map<string, Buffer>()
    const query = dht.lookup(topic)
    const timer = setTimeout(() => query.destroy(), LOOKUP_MS_MAX)
    try {
      for await (const { peers } of query) {
        for (const { publicKey } of peers) found.set(publicKey.toString('hex'), publicKey)
      }
      return found
    } catch (error) {
      if (!this.#stopped) log.debug({ err: error }, 'lookup failed')
      return null
    } finally {
      clearTimeout(timer)
    }
  }

  #remember(found: Map<string, Buffer>): void {
    for (const [key, known] of this.#known) {
      const wanted = found.has(key) || known.dialing || this.#options.isConnected(key)
      if (!wanted) this.#known.delete(key)
    }
    for (const [key, publicKey] of found) {
      if (this.#known.has(key) || this.#options.isSelf(key)) continue
      if (this.#known.size >= PEERS_MAX) return
      this.#known.set(key, { publicKey, failures: 0, notBefore: 0, dialing: false })
    }
  }

  #dialIfDue(key: string, known: Known): void {
    const { dial, isConnected, log, now } = this.#options
    if (known.dialing || isConnected(key) || now() < known.notBefore) return
    known.dialing = true
    dial(known.publicKey)
      .then(() => (known.failures = 0))
      .catch((error: unknown) => {
        known.failures++
        known.notBefore = now() + this.#jittered(known.failures)
        const { code, message } = error as { code?: string; message: string }
        if (!this.#stopped) log.debug({ peer: key, code, message }, 'dial failed')
      })
      .finally(() => (known.dialing = false))
  }

  #jittered(failures: number): number {
    return backoffMs(DIAL_BACKOFF, failures, this.#options.random())
  }
}
