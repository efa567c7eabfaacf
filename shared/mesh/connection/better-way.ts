/**
 * Tries again and again to leave a relay. hyperdht moves a relayed connection to a hole that it has
 * punched, but it tries only while the connection opens; and out of a relay over TLS it cannot go.
 * So the peer is dialled directly beside the connection, which the new one replaces, while nothing
 * would notice that.
 */
import { backoffMs } from '#shared/kit/backoff.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'

/** A punch costs packets, and where it has failed often it will fail again. */
const AGAIN = { firstMs: 4000, maxMs: 300_000 }

interface BetterWaysOptions {
  /** Opens a direct connection in place of this one; rejects where there is no way. */
  dial: (link: PeerLink) => Promise<void>
  random: () => number
}

export class BetterWays {
  readonly #options: BetterWaysOptions
  readonly #timers = new Map<PeerLink, NodeJS.Timeout>() // those relayed that were dialled here

  constructor(options: BetterWaysOptions) {
    this.#options = options
  }

  /** A connection is open: from now on it is looked after, until it is closed or takes no relay. */
  watch(link: PeerLink, tries = 1): void {
    if (!link.dialer || link.isClosed || link.path !== 'relayed') return
    const timer = setTimeout(
      () => {
        this.#timers.delete(link)
        void this.#leave(link).then(() => this.watch(link, tries + 1))
      },
      backoffMs(AGAIN, tries, this.#options.random())
    )
    timer.unref()
    this.#timers.set(link, timer)
  }

  /** A hole to some of them is open: they shall take it now. */
  hurry(isOpen: (link: PeerLink) => boolean): void {
    for (const [link, timer] of this.#timers) {
      if (!isOpen(link)) continue
      clearTimeout(timer)
      this.#timers.delete(link)
      void this.#leave(link).then(() => this.watch(link))
    }
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
  }

  async #leave(link: PeerLink): Promise<void> {
    if (link.isClosed || link.path !== 'relayed' || link.openStreams > 0) return
    // There may be no better way; the next try is not far.
    await this.#options.dial(link).catch(() => {})
  }
}
