/**
 * Keeps a peer findable under the topic of its role. Records die with the nodes that hold them and
 * after 20 minutes, so it is announced again and again; a clean stop withdraws it.
 */
import type DHT from 'hyperdht'
import type { KeyPair } from 'hyperdht'
import type { Logger } from '#shared/process/log.ts'
import { within } from '#shared/kit/within.ts'

const FAILED_AGAIN_MS = 1000
const WITHDRAW_MS_MAX = 1000

interface AnnouncementOptions {
  dht: DHT
  topic: Buffer
  keyPair: KeyPair
  againMs: number
  log: Logger
}

export class Announcement {
  readonly #options: AnnouncementOptions
  #timer: NodeJS.Timeout | null = null
  #stopped = false
  #announcing: Promise<void> = Promise.resolve()

  constructor(options: AnnouncementOptions) {
    this.#options = options
  }

  /** Resolves when the first announcement is stored. */
  async start(): Promise<void> {
    this.#announcing = this.#announce()
    await this.#announcing
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await within(WITHDRAW_MS_MAX, this.#withdraw())
  }

  async #announce(): Promise<void> {
    const { dht, topic, keyPair, againMs, log } = this.#options
    let waitMs = againMs
    try {
      await dht.announce(topic, keyPair).finished()
      // The server that listens has a record of its own, by which it is dialled. If the DHT was
      // away when hyperdht last looked after that record, it would look again only 5 minutes later.
      for (const server of dht.listening) server.refresh()
    } catch (error) {
      waitMs = FAILED_AGAIN_MS
      if (!this.#stopped) log.warn({ err: error }, 'announcement failed, trying again')
    }
    if (!this.#stopped) this.#timer = setTimeout(() => void this.start(), waitMs)
  }

  async #withdraw(): Promise<void> {
    const { dht, topic, keyPair, log } = this.#options
    try {
      await this.#announcing // or it would be stored after it was withdrawn
      await dht.unannounce(topic, keyPair)
    } catch (error) {
      log.debug({ err: error }, 'announcement not withdrawn; it expires by itself')
    }
  }
}
