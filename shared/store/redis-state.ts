/**
 * Shared state in Redis, exact over all processes.
 *
 * While Redis is away each process goes on from what it last saw: what it grants then counts once
 * for every process that shares the limit, so that all of them together stay within it as long as
 * they saw the same. One line in the log says when it begins and when it is over.
 */
import { randomUUID } from 'node:crypto'
import { Redis, type RedisOptions } from 'ioredis'
import { Outage } from '#shared/kit/outage.ts'
import { HaifError } from '#shared/errors.ts'
import type { Health } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { redisTrouble } from '#shared/trouble/redis.ts'
import { MemoryState } from './memory-state.ts'
import { DRAW, ENTER, SETTLE, STAY } from './redis-scripts.ts'
import type {
  Draw,
  Grant,
  ConcurrencyPlace,
  Refusal,
  SharedState,
  Subscriber
} from './shared-state.ts'
import type { Store } from './store.ts'
import { slicingOf } from './windows.ts'

/** A Redis that answers more slowly than this is treated as away. */
const COMMAND_MS_MAX = 250
const CONNECT_MS_MAX = 2000
const RETRY_MS = { first: 50, max: 1000 }
/** Time after which the places and the share of a process that has died go to the others. */
const LIFETIME_MS = 6000
const HEARTBEAT_MS = 1500

interface RedisStateOptions {
  /** `redis://user:password@host:6379/0`, or `rediss:` for TLS. */
  url: string
  /** Names are prefixed with it: several meshes may share one Redis. */
  namespace: string
  log: Logger
  /** Carries events while Redis is away. */
  store?: Store | null
}

/** A place in Redis, and in memory for when it is away. */
interface Held {
  key: string
  member: string
}

export class RedisState implements SharedState {
  readonly #options: RedisStateOptions
  readonly #redis: Scripted
  readonly #subscriber: Redis
  readonly #memory: MemoryState
  readonly #id = randomUUID()
  readonly #held = new Set<Held>() // as many as requests run here
  readonly #channels = new Set<string>() // as many as the program has
  #isUsable = false
  /** The last error of a connection. */
  #lastError: Error | null = null
  readonly #outage: Outage
  #replicas = 1
  #timer: NodeJS.Timeout | null = null
  #stopping = false

  constructor(options: RedisStateOptions) {
    const { url, store = null } = options
    this.#options = options
    this.#outage = new Outage(options.log, {
      begins: 'Redis cannot be used now: each process goes on by itself',
      ends: 'Redis can be used again'
    })
    this.#redis = scripted(new Redis(url, REDIS_OPTIONS))
    this.#subscriber = new Redis(url, REDIS_OPTIONS)
    this.#memory = new MemoryState({ store, replicas: () => this.#replicas })
    // An error that nobody hears would end the process. The `close` that follows has no reason.
    for (const client of [this.#redis, this.#subscriber]) {
      client.on('error', (error) => (this.#lastError = error))
    }
    this.#redis.on('ready', () => void this.#beat())
    this.#redis.on('close', () => this.#lost(this.#lastError ?? new Error('Connection is closed.')))
    this.#subscriber.on('message', (channel, message) =>
      this.#memory.deliver(channel.slice(this.#name('').length), message)
    )
    this.#subscriber.on('ready', () => void this.#resubscribe())
  }

  get isShared(): boolean {
    return this.#isUsable
  }

  get replicas(): number {
    return this.#replicas
  }

  /** Starts also when Redis is away, and goes on as without it. */
  async start(): Promise<void> {
    await Promise.all([this.#redis.connect(), this.#subscriber.connect()]).catch(
      (error: Error) => (this.#lastError ??= error)
    )
    await this.#beat()
    if (!this.#isUsable) this.#tellLost(this.#lastError)
    this.#timer = setInterval(() => void this.#beat(), HEARTBEAT_MS)
  }

  /** Everything goes on without Redis. */
  health(): Health {
    const { warning } = this.#outage
    return warning === null ? { ready: true } : { ready: true, warnings: [warning] }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#timer !== null) clearInterval(this.#timer)
    if (this.#isUsable) await this.#redis.zrem(this.#name('replicas'), this.#id).catch(() => {})
    this.#redis.disconnect()
    this.#subscriber.disconnect()
  }

  async draw(draws: readonly Draw[]): Promise<Grant | Refusal> {
    const answer = await this.#try(() => this.#redis.haifDraw(draws.length, ...this.#asked(draws)))
    if (answer === null) return this.#memory.draw(draws)
    const result = readAnswer(answer)
    const now = Date.now()
    for (const [i, { used }] of result.states.entries()) {
      this.#memory.windows.raise(draws[i]!, used, now)
    }
    return result
  }

  settle(draw: Draw, difference: number, at: number): void {
    if (difference !== 0) void this.#settle(draw, difference, at)
  }

  async enter(key: string, max: number): Promise<ConcurrencyPlace | null> {
    const held: Held = { key: this.#name(`running:${key}`), member: randomUUID() }
    const answer = await this.#try(() =>
      this.#redis.haifEnter(held.key, max, LIFETIME_MS, held.member)
    )
    if (answer === 0) return null
    // While Redis is away every request that runs here counts, whoever admitted it.
    const place = answer === null ? await this.#memory.enter(key, max) : this.#memory.count(key)
    if (place === null) return null
    this.#held.add(held)
    return {
      leave: () => {
        place.leave()
        if (this.#held.delete(held)) void this.#try(() => this.#redis.zrem(held.key, held.member))
      }
    }
  }

  publish(channel: string, message: string): void {
    void this.#publish(channel, message)
  }

  async subscribe(channel: string, subscriber: Subscriber): Promise<() => void> {
    const stop = await this.#memory.subscribe(channel, subscriber)
    if (!this.#channels.has(channel)) {
      this.#channels.add(channel)
      await this.#subscriber.subscribe(this.#name(channel)).catch(() => {}) // see `#resubscribe`
    }
    return stop
  }

  async #settle(draw: Draw, difference: number, at: number): Promise<void> {
    const { sliceMs, before } = slicingOf(draw)
    const values = [sliceMs, before, difference, at, Math.ceil(draw.windowMs)]
    const done = await this.#try(async () => {
      await this.#redis.haifSettle(this.#name(draw.key), ...values)
      return true
    })
    if (done === null) return this.#memory.settle(draw, difference, at)
    const now = Date.now()
    this.#memory.windows.settle(draw, difference, now, now)
  }

  async #publish(channel: string, message: string): Promise<void> {
    const heardBy = await this.#try(() => this.#redis.publish(this.#name(channel), message))
    if (heardBy === null) this.#memory.publish(channel, message)
  }

  #asked(draws: readonly Draw[]): (string | number)[] {
    return [
      ...draws.map(({ key }) => this.#name(key)),
      ...draws.flatMap((draw) => {
        const { sliceMs, before } = slicingOf(draw)
        return [sliceMs, Math.ceil(draw.windowMs), before, draw.max, draw.amount]
      })
    ]
  }

  #name(key: string): string {
    return `haif:${this.#options.namespace}:${key}`
  }

  /** Returns null when Redis cannot be asked. */
  async #try<Answer>(command: () => Promise<Answer>): Promise<Answer | null> {
    if (!this.#isUsable) return null
    try {
      return await command()
    } catch (error) {
      this.#lost(error)
      return null
    }
  }

  /** Renews this process and its places, counts the processes, and finds out when Redis is back. */
  async #beat(): Promise<void> {
    if (this.#redis.status !== 'ready') return
    try {
      // The client passes over a database number that is refused, and goes on with another one.
      await this.#redis.select(this.#redis.options.db ?? 0)
      if (!this.#isUsable) await this.#redis.haifDraw(1, ...this.#asked([PROBE]))
      this.#replicas = await this.#redis.haifStay(this.#name('replicas'), LIFETIME_MS, this.#id)
      const byKey = Map.groupBy(this.#held, ({ key }) => key)
      await Promise.all(
        [...byKey].map(([key, held]) =>
          this.#redis.haifStay(key, LIFETIME_MS, ...held.map(({ member }) => member))
        )
      )
      this.#found()
    } catch (error) {
      this.#lost(error)
    }
  }

  async #resubscribe(): Promise<void> {
    const names = [...this.#channels].map((channel) => this.#name(channel))
    if (names.length === 0) return
    await this.#subscriber.subscribe(...names).catch(() => {}) // then it is soon `ready` again
    this.#memory.reconnected()
  }

  #found(): void {
    if (this.#isUsable || this.#stopping) return
    this.#isUsable = true
    this.#lastError = null
    this.#outage.worked()
  }

  #lost(error: unknown): void {
    const wasUsable = this.#isUsable
    this.#isUsable = false
    if (error instanceof Error) this.#lastError = error
    // While it lasts another reason is worth a line: it is there again, and refuses us.
    if (wasUsable || this.#outage.isAway) this.#tellLost(error)
  }

  #tellLost(error: unknown): void {
    if (this.#stopping) return
    const trouble = redisTrouble(error)
    const { kind, what, remedy } = trouble
    // One that does not speak TLS waits for the rest of a command, and says nothing.
    const isTls = kind === 'away' && this.#options.url.startsWith('rediss:')
    const also = isTls ? ', or write redis: for one that does not speak TLS' : ''
    const known = new HaifError('STORE_UNAVAILABLE', `Redis ${what}: ${remedy}${also}`, {
      cause: error,
      details: { trouble: kind }
    })
    this.#outage.failed(known, { replicas: this.#replicas })
  }
}

/**
 * A claim on a limit of nobody. What Redis refuses may be this command alone, as when its memory is
 * full, and then it must not be called usable again because others go through.
 */
const PROBE: Draw = { key: 'probe', amount: 1, max: 1e9, kind: 'sliding', windowMs: 1000 }

const REDIS_OPTIONS = {
  lazyConnect: true,
  enableOfflineQueue: false, // what waited for Redis would be granted late, and by nobody's limit
  maxRetriesPerRequest: 0,
  connectTimeout: CONNECT_MS_MAX,
  commandTimeout: COMMAND_MS_MAX,
  autoResubscribe: false, // see `#resubscribe`
  retryStrategy: (times: number) => Math.min(RETRY_MS.max, RETRY_MS.first * 2 ** times)
} satisfies RedisOptions

type Scripted = Redis & {
  haifDraw(keys: number, ...keysAndValues: (string | number)[]): Promise<number[]>
  haifSettle(key: string, ...values: number[]): Promise<unknown>
  haifEnter(key: string, max: number, lifetimeMs: number, member: string): Promise<0 | 1>
  haifStay(key: string, lifetimeMs: number, ...members: string[]): Promise<number>
}

function scripted(redis: Redis): Scripted {
  redis.defineCommand('haifDraw', { lua: DRAW })
  redis.defineCommand('haifSettle', { lua: SETTLE, numberOfKeys: 1 })
  redis.defineCommand('haifEnter', { lua: ENTER, numberOfKeys: 1 })
  redis.defineCommand('haifStay', { lua: STAY, numberOfKeys: 1 })
  return redis as Scripted
}

function readAnswer([at = 0, refused = 0, wait = 0, ...rest]: number[]): Grant | Refusal {
  const states = Array.from({ length: rest.length / 2 }, (_, i) => ({
    used: rest[2 * i]!,
    resetMs: rest[2 * i + 1]!
  }))
  if (refused === 0) return { granted: true, states, at }
  return { granted: false, refusedBy: refused - 1, retryAfterMs: wait < 0 ? null : wait, states }
}

export function checkRedisUrl(url: string): string {
  if (URL.canParse(url) && /^rediss?:$/.test(new URL(url).protocol)) return url
  throw new HaifError(
    'CONFIG_INVALID',
    'REDIS_URL cannot be used: write redis://user:password@host:6379'
  )
}
