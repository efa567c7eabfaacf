/**
 * Keeps a peer findable under the topic of its role. Records die with the nodes that hold them and
 * after 20 minutes, so it is announced again and again; a clean stop withdraws it.
 */
import type DHT from 'hyperdht'
import type { KeyPair } from 'hyperdht'
import type { Logger } from '#shared/log.ts'

const AGAIN_MS = 20_000
const FAILED_AGAIN_MS = 1000
const WITHDRAW_MS_MAX = 1000

export interface AnnouncementOptions {
  dht: DHT
  topic: Buffer
  keyPair: KeyPair
  log: Logger
}

export class Announcement {
  readonly #options: AnnouncementOptions
  #timer: NodeJS.Timeout | null = null
  #stopped = false

  constructor(options: AnnouncementOptions) {
    this.#options = options
  }

  /** Resolves when the first announcement is stored. */
  async start(): Promise<void> {
    const { dht, topic, keyPair, log } = this.#options
    let again = AGAIN_MS
    try {
      await dht.announce(topic, keyPair).finished()
    } catch (error) {
      again = FAILED_AGAIN_MS
      if (!this.#stopped) log.warn({ err: error }, 'announcement failed, trying again')
    }
    if (!this.#stopped) this.#timer = setTimeout(() => void this.start(), again)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    const { dht, topic, keyPair, log } = this.#options
    const withdrawn = dht.unannounce(topic, keyPair).catch((error: unknown) => {
      log.debug({ err: error }, 'announcement not withdrawn; it expires by itself')
    })
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, WITHDRAW_MS_MAX)
    await Promise.race([withdrawn, late])
    clearTimeout(timer)
  }
}
