/**
 * LISTEN on one connection for all channels, which is made again when it breaks. Notices that were
 * sent in between are lost, so listeners hear that they may have missed some.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { Turns } from '#shared/kit/turns.ts'
import type { Logger } from '#shared/process/log.ts'
import type { Listener } from './store.ts'

const RECONNECT_MS = 1000
const CHANNEL = /^[a-z][a-z_]{0,62}$/

interface PostgresListenerOptions {
  createClient: () => pg.Client
  log: Logger
}

export class PostgresListener {
  readonly #options: PostgresListenerOptions
  readonly #listeners = new Map<string, Set<Listener>>() // as many as the program has
  readonly #stopped = new AbortController()
  /** A client does one query at a time, and pg warns whoever asks for two. */
  readonly #turns = new Turns()
  #client: pg.Client | null = null
  #connecting: Promise<pg.Client> | null = null

  constructor(options: PostgresListenerOptions) {
    this.#options = options
  }

  async listen(channel: string, listener: Listener): Promise<() => Promise<void>> {
    if (!CHANNEL.test(channel)) throw new Error(`${channel} cannot be the name of a channel`)
    const others = this.#listeners.get(channel) ?? new Set()
    this.#listeners.set(channel, others.add(listener))
    const client = this.#client ?? (await (this.#connecting ??= this.#connect()))
    await this.#turns.run(() => client.query(`listen "${channel}"`))
    return async () => {
      others.delete(listener) // the channel stays: there are few, and each is of use again
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#connecting?.catch(() => {}) // whoever asked for it gets the error
    await this.#client?.end()
  }

  async #connect(): Promise<pg.Client> {
    const client = this.#options.createClient()
    try {
      client.on('notification', ({ channel, payload = '' }) => {
        for (const { onNotice } of this.#listeners.get(channel) ?? []) onNotice(payload)
      })
      client.on('error', () => {}) // its end says the same
      await client.connect()
      for (const channel of this.#listeners.keys()) await client.query(`listen "${channel}"`)
      client.once('end', () => this.#onEnd())
      this.#client = client
      return client
    } catch (error) {
      await client.end().catch(() => {}) // it has never been there
      throw error
    } finally {
      this.#connecting = null
    }
  }

  #onEnd(): void {
    this.#client = null
    if (!this.#stopped.signal.aborted) void this.#reconnect()
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted && this.#client === null) {
      try {
        await (this.#connecting ??= this.#connect())
        for (const listeners of this.#listeners.values()) {
          for (const { onReconnect } of listeners) onReconnect?.()
        }
      } catch {
        // It goes on until the database is there; those who use it say that it is not.
        await sleep(RECONNECT_MS, undefined, { signal }).catch(() => {})
      }
    }
  }
}
