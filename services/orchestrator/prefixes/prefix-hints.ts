/**
 * Shares with other orchestrators which worker has seen which blocks of prompts, so that the next
 * turn of a conversation finds its cache whichever orchestrator it comes to.
 *
 * They are hints: gathered for a moment, published over Redis at most once, and lost while Redis is
 * away or where there are too many. A request pays for an entry in a list, and nothing else.
 */
import { randomBytes } from 'node:crypto'
import type { Logger } from '#shared/process/log.ts'
import type { SharedState } from '#shared/store/shared-state.ts'
import { BLOCKS_PER_MESSAGE_MAX, headOf, readHints, writeHints } from './hint-message.ts'
import type { HintCounts } from '../orchestrator-metrics.ts'
import type { PrefixIndex } from './prefix-index.ts'

const CHANNEL = 'prefixes'
/** Hints are gathered for so long. A person takes longer for the next turn. */
const BATCH_MS = 100

interface PrefixHintsDeps {
  shared: Pick<SharedState, 'isShared' | 'publish' | 'subscribe'>
  /** Takes the hints of other orchestrators. */
  prefixes: PrefixIndex
  /**
   * Returns the key as this process holds it, if the worker is connected; other hints are useless.
   */
  knownWorker: (workerKey: string) => string | undefined
  counts: HintCounts
  log: Logger
}

interface Gathered {
  workerKey: string
  chain: readonly number[]
  from: number
  to: number
}

export class PrefixHints {
  readonly #deps: PrefixHintsDeps
  readonly #sender = randomBytes(8).toString('hex')
  #gathered: Gathered[] = [] // none is empty, so at most BLOCKS_PER_MESSAGE_MAX
  #blocks = 0 // in those
  #timer: NodeJS.Timeout | null = null
  #unsubscribe = (): void => {}
  #hasToldUnreadable = false

  constructor(deps: PrefixHintsDeps) {
    this.#deps = deps
  }

  async start(): Promise<void> {
    const onMessage = (message: string) => this.#received(message)
    this.#unsubscribe = await this.#deps.shared.subscribe(CHANNEL, { onMessage })
  }

  /** Publishes what is gathered: other orchestrators get the requests of this one now. */
  stop(): void {
    this.#unsubscribe()
    if (this.#timer === null) return
    clearTimeout(this.#timer)
    this.#publish()
  }

  /**
   * The worker sees the blocks of the chain after the first `from`; those without room are dropped.
   */
  gather(chain: readonly number[], from: number, workerKey: string): void {
    const to = Math.min(chain.length, from + BLOCKS_PER_MESSAGE_MAX - this.#blocks)
    if (to < chain.length) this.#deps.counts.dropped(chain.length - to)
    if (to <= from) return
    this.#gathered.push({ workerKey, chain, from, to })
    this.#blocks += to - from
    this.#timer ??= setTimeout(() => this.#publish(), BATCH_MS)
  }

  #publish(): void {
    const { shared, counts } = this.#deps
    const [gathered, blocks] = [this.#gathered, this.#blocks]
    this.#gathered = []
    this.#blocks = 0
    this.#timer = null
    if (!shared.isShared) return counts.dropped(blocks)
    const byWorker = Map.groupBy(gathered, ({ workerKey }) => workerKey)
    const hints = [...byWorker].map(([workerKey, those]) => ({
      workerKey,
      blocks: those.flatMap(({ chain, from, to }) => chain.slice(from, to))
    }))
    shared.publish(CHANNEL, writeHints(this.#sender, hints))
    counts.sent(blocks)
  }

  #received(message: string): void {
    if (message.startsWith(headOf(this.#sender))) return
    const hints = readHints(message)
    if (hints === null) return this.#tellUnreadable()
    const { prefixes, knownWorker, counts } = this.#deps
    for (const { workerKey, blocks } of hints) {
      const known = knownWorker(workerKey)
      if (known === undefined) continue
      prefixes.remember(blocks, known)
      counts.received(blocks.length)
    }
  }

  #tellUnreadable(): void {
    if (this.#hasToldUnreadable) return
    this.#hasToldUnreadable = true
    this.#deps.log.warn('hints of another orchestrator cannot be read: is it of another version?')
  }
}
