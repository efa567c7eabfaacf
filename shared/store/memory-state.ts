/** Shared state of a single process; `RedisState` falls back on it while Redis is away. */
import { Tally } from '#shared/kit/tally.ts'
import type { Store } from './store.ts'
import type {
  Draw,
  Grant,
  ConcurrencyPlace,
  Refusal,
  SharedState,
  Subscriber
} from './shared-state.ts'
import { Windows } from './windows.ts'

interface MemoryStateOptions {
  /** A store, whose notices carry events to other processes. */
  store?: Store | null
  /** The number of processes that share each limit: each grants its share. */
  replicas?: () => number
  /** Milliseconds since 1970. */
  now?: () => number
}

export class MemoryState implements SharedState {
  readonly isShared = false
  readonly windows = new Windows()
  readonly #store: Store | null
  readonly #replicas: () => number
  readonly #now: () => number
  readonly #running = new Tally<string>()
  readonly #subscribers = new Map<string, Set<Subscriber>>() // as many as the program has

  constructor({ store = null, replicas = () => 1, now = Date.now }: MemoryStateOptions = {}) {
    this.#store = store
    this.#replicas = replicas
    this.#now = now
  }

  get replicas(): number {
    return Math.max(1, this.#replicas())
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  async draw(draws: readonly Draw[]): Promise<Grant | Refusal> {
    return this.windows.draw(draws, this.#now(), this.replicas)
  }

  settle(draw: Draw, difference: number, at: number): void {
    this.windows.settle(draw, difference * this.replicas, at, this.#now())
  }

  async enter(key: string, max: number): Promise<ConcurrencyPlace | null> {
    const share = Math.max(1, Math.floor(max / this.replicas))
    return this.#running.of(key) < share ? this.count(key) : null
  }

  /** Counts a request that was admitted elsewhere. */
  count(key: string): ConcurrencyPlace {
    return { leave: this.#running.enter(key) }
  }

  publish(channel: string, message: string): void {
    if (this.#store === null) this.deliver(channel, message)
    // While the database is away nobody else can act on what the event tells of, either.
    else this.#store.notify(channel, message).catch(() => this.deliver(channel, message))
  }

  async subscribe(channel: string, subscriber: Subscriber): Promise<() => void> {
    const others = this.#subscribers.get(channel) ?? new Set()
    this.#subscribers.set(channel, others.add(subscriber))
    const { onMessage: onNotice, onReconnect = () => {} } = subscriber
    const unlisten = await this.#store?.listen(channel, { onNotice, onReconnect })
    return () => {
      others.delete(subscriber)
      void unlisten?.()
    }
  }

  /** Delivers to the subscribers of this process. */
  deliver(channel: string, message: string): void {
    for (const { onMessage } of this.#subscribers.get(channel) ?? []) onMessage(message)
  }

  reconnected(): void {
    for (const subscribers of this.#subscribers.values()) {
      for (const { onReconnect } of subscribers) onReconnect?.()
    }
  }
}
