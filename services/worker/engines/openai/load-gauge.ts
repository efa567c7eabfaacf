/**
 * Measures how busy a server is with requests of other clients, by its `/metrics` where it has
 * them. That the server answers at all is worth as much as the numbers.
 */
import { toHaifError, type HaifError } from '#shared/errors.ts'
import { DIALECTS, type UpstreamKind } from './dialect.ts'
import type { UpstreamClient } from './upstream-client.ts'
import { ServerGone, ServerLate } from './upstream-errors.ts'

const LOOK_MS = 1_000
/** A server in the middle of a long step may be late once or twice; one that refuses us is gone. */
const MISSES_MAX = 3

interface GaugeOptions {
  client: UpstreamClient
  kind: UpstreamKind
  /** The model's name on the server. */
  id: string
  /** Returns the number of our own requests at the server. */
  own: () => number
  onGone: (error: HaifError) => void
}

export class LoadGauge {
  readonly #options: GaugeOptions
  #path: string
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #misses = 0
  #foreign = 0

  constructor(options: GaugeOptions) {
    this.#options = options
    this.#path = DIALECTS[options.kind].load === null ? '/models' : '//metrics'
  }

  /** The requests of other clients at the server. */
  get foreign(): number {
    return this.#foreign
  }

  start(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => void this.#look(), LOOK_MS)
    this.#timer.unref()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #look(path = this.#path): Promise<void> {
    const { client, own } = this.#options
    const before = own()
    try {
      const text = await client.getText(path)
      if (path === '//metrics') this.#read(text, Math.max(before, own()))
      this.#misses = 0
    } catch (error) {
      if (path === '//metrics' && !(error instanceof ServerLate)) {
        this.#withoutMetrics(error)
        return this.#look('/models')
      }
      this.#missed(error)
    }
    this.start()
  }

  /** The server has no metrics; or it is gone, which the next look finds out. */
  #withoutMetrics(error: unknown): void {
    this.#foreign = 0
    if (!(error instanceof ServerGone)) this.#path = '/models'
  }

  /** A request of ours that ends during the look must not count as somebody else's. */
  #read(text: string, own: number): void {
    const { kind, id } = this.#options
    const { load } = DIALECTS[kind]
    if (load === null) return
    const total = readGauge(text, load.running, id) + readGauge(text, load.waiting, id)
    this.#foreign = Math.max(0, total - own)
  }

  #missed(error: unknown): void {
    if (this.#stopped) return
    if (error instanceof ServerLate) this.#misses++
    else if (error instanceof ServerGone) this.#misses = MISSES_MAX
    if (this.#misses < MISSES_MAX) return
    this.stop()
    this.#options.onGone(toHaifError(error))
  }
}

/** Sums a gauge over the server's engines; a line that names another model does not count. */
export function readGauge(text: string, name: string, model: string): number {
  let sum = 0
  for (const line of text.split('\n')) {
    if (!line.startsWith(name)) continue
    const [, labels = '', value] = /^(\{.*\})?\s+(\S+)/.exec(line.slice(name.length)) ?? []
    const named = /model_name="((?:[^"\\]|\\.)*)"/.exec(labels)?.[1]
    const count = Number(value)
    if ((named === undefined || named === model) && count > 0) sum += count
  }
  return sum
}
