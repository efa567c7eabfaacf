/**
 * The relay of this process. It offers itself only while peers can reach it from outside: one that
 * stands behind the NAT it should help against costs every dial seconds and helps nobody.
 */
import type { KeyPair } from 'hyperdht'
import { backoffMs } from '#shared/kit/backoff.ts'
import type { Logger } from '#shared/process/log.ts'
import type { Announcement } from '../discovery/announcement.ts'
import type { MeshNode } from '../node.ts'
import { Relay, relayKeyPair, type RelayLimits } from './relay.ts'

const LOOK_MS = 5000
/**
 * Time between two questions to others whether they get through. Each costs the DHT node those that
 * do not, so it asks ever more rarely.
 */
const ASK = { firstMs: 30_000, maxMs: 1_200_000 }

interface OwnRelayOptions {
  node: MeshNode
  /** Of the peer that it belongs to. */
  keyPair: KeyPair
  /** `key` in hex. */
  isMember: (key: string) => boolean
  isRevoked: (key: string) => boolean
  /** Lets members find the peer as a relay, or no longer. */
  announce: (isRunning: boolean) => Promise<void>
  /** Under the key of the relay, for those who have an invite only. */
  announcement: (keyPair: KeyPair) => Announcement
  limits?: RelayLimits
  log: Logger
}

export class OwnRelay {
  readonly #options: OwnRelayOptions
  readonly #keyPair: KeyPair
  #running: Relay | null = null
  #announcement: Announcement | null = null
  #timer: NodeJS.Timeout | null = null
  #askAt = 0
  #asked = 0
  #looking: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: OwnRelayOptions) {
    this.#options = options
    this.#keyPair = relayKeyPair(options.keyPair)
  }

  get isRunning(): boolean {
    return this.#running !== null
  }

  /** The key under which others reach it; null while they cannot. */
  get runningKey(): Buffer | null {
    return this.isRunning ? this.#keyPair.publicKey : null
  }

  /** Resolves when it runs, or cannot for now. */
  async start(): Promise<void> {
    await this.#look()
    this.#timer = setInterval(() => void this.#look(), LOOK_MS)
    this.#timer.unref()
  }

  /** Someone is a member no longer. */
  dropFallen(): void {
    this.#running?.dropFallen()
  }

  hurry(): void {
    this.#askAt = 0
    this.#asked = 0
    this.#announcement?.hurry()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#looking
    await this.#end()
  }

  #look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#follow())
    return this.#looking
  }

  async #follow(): Promise<void> {
    if (this.#stopped) return
    const { node, log } = this.#options
    if (!node.isReachable && !node.isRandom && performance.now() >= this.#askAt) {
      this.#askAt = performance.now() + backoffMs(ASK, ++this.#asked, 1)
      await node.askWhetherReachable()
    }
    try {
      if (node.isReachable && this.#running === null) await this.#begin()
      else if (!node.isReachable) await this.#end()
    } catch (error) {
      log.warn({ err: error }, 'the relay could not be started, trying again')
    }
  }

  async #begin(): Promise<void> {
    const { node, isMember, isRevoked, announce, announcement, limits } = this.#options
    const relay = new Relay({
      dht: node.dht,
      keyPair: this.#keyPair,
      isMember,
      isRevoked,
      ...(limits === undefined ? {} : { limits })
    })
    await relay.start()
    this.#running = relay
    node.relaysAs(this.#keyPair.publicKey.toString('hex'))
    this.#announcement = announcement(this.#keyPair)
    await Promise.all([announce(true), this.#announcement.start()])
  }

  async #end(): Promise<void> {
    const running = this.#running
    this.#running = null
    if (running === null) return
    const { node, announce } = this.#options
    node.relaysAs(null)
    const announcement = this.#announcement
    this.#announcement = null
    await Promise.all([announce(false), announcement?.stop(), running.stop()])
  }
}
