/**
 * A real Redis for tests, from the redis-server that is installed; HAIF_NO_REDIS=1 says that there
 * is none, and skips what needs one.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { Redis } from 'ioredis'
import { freePort } from './postgres.ts'
import { until } from '../until.ts'

export const NO_REDIS =
  process.env['HAIF_NO_REDIS'] === '1' ? 'HAIF_NO_REDIS=1: no redis-server here' : false

export class TestRedis {
  readonly #settings: readonly string[]
  #child: ChildProcess | null = null
  #port = 0

  /** `settings`: flags beside those that every test wants. */
  constructor(settings: readonly string[] = []) {
    this.#settings = settings
  }

  /** `redis://…`; the same after it was started again. */
  get url(): string {
    return `redis://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    if (this.#port === 0) this.#port = await freePort()
    const settings = ['--port', String(this.#port), '--bind', '127.0.0.1', '--save', '']
    const flags = [...settings, '--appendonly', 'no', ...this.#settings]
    const child = spawn('redis-server', flags, { stdio: 'ignore' })
    this.#child = child
    const { promise: missing, reject } = Promise.withResolvers<never>()
    missing.catch(() => {}) // it may also fail later
    child.on('error', () =>
      reject(
        new Error(
          'these tests need redis-server: install it (apt-get install redis-server), or set HAIF_NO_REDIS=1 to go without'
        )
      )
    )
    await Promise.race([until(() => this.#answers()), missing])
  }

  /** One command, as its administrator. */
  async command(name: string, ...args: string[]): Promise<unknown> {
    const client = new Redis(this.url, { maxRetriesPerRequest: 0 })
    client.on('error', () => {}) // the command says it
    try {
      return await client.call(name, ...args)
    } finally {
      client.disconnect()
    }
  }

  /** At once, as in a crash. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child === null || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  async #answers(): Promise<boolean> {
    const client = new Redis(this.url, { lazyConnect: true, maxRetriesPerRequest: 0 })
    client.on('error', () => {}) // it is not there yet
    try {
      await client.connect()
      return (await client.ping()) === 'PONG'
    } catch {
      return false
    } finally {
      client.disconnect()
    }
  }
}
