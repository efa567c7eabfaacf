/**
 * Keeps a peer findable under the topic of its role. Records die with the nodes that hold them and
 * after 20 minutes, so it is announced again and again; a clean stop withdraws it.
 */
import type DHT from 'hyperdht'
import type { KeyPair } from 'hyperdht'
import type { Logger } from '#shared/process/log.ts'
import { backoffMs } from '#shared/kit/backoff.ts'
import { Outage } from '#shared/kit/outage.ts'
import { within } from '#shared/kit/within.ts'

/** After a failure: soon, and ever more rarely while the network is away. */
const FAILED_AGAIN = { firstMs: 1000, maxMs: 10_000 }
/** Changes come in groups: the address goes, then another comes, then a route. */
const HURRY_MS = 250
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
  #failures = 0
  readonly #outage: Outage

  constructor(options: AnnouncementOptions) {
    this.#options = options
    this.#outage = new Outage(options.log, {
      begins: 'this peer cannot be announced on the DHT now',
      ends: 'this peer is announced on the DHT again'
    })
  }

  /** Resolves when the first announcement is stored. */
  async start(): Promise<void> {
    this.#timer = null
    this.#announcing = this.#announce()
    await this.#announcing
  }

  /** The network has changed: the DHT may have forgotten this peer, or be another one. */
  hurry(): void {
    if (this.#stopped || this.#timer === null) return // it announces just now
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.start(), HURRY_MS)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await within(WITHDRAW_MS_MAX, this.#withdraw())
  }

  async #announce(): Promise<void> {
    const { dht, topic, keyPair, againMs } = this.#options
    let waitMs = againMs
    try {
      // Whoever finds this peer dials it through the nodes that lead to it, and need not look for
      // them.
      const own = [...dht.listening].find(({ publicKey }) => publicKey.equals(keyPair.publicKey))
      await dht.announce(topic, keyPair, own?.relayAddresses).finished()
      // The server that listens has a record of its own, by which it is dialled. If the DHT was
      // away when hyperdht last looked after that record, it would look again only 5 minutes later.
      for (const server of dht.listening) server.refresh()
      this.#failures = 0
      this.#outage.worked()
    } catch (error) {
      waitMs = backoffMs(FAILED_AGAIN, ++this.#failures, Math.random())
      if (!this.#stopped) this.#outage.failed(error)
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
