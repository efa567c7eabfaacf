/**
 * Tells those who wait when something about the members has changed in the store, at whichever
 * registry it was decided. A notice may be lost, so the store is also asked every few seconds while
 * anybody waits.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Store } from '#shared/store/store.ts'

export const MEMBERSHIP_CHANNEL = 'haif_membership'
const LOOK_MS = 5000

export class Decisions implements Service {
  readonly #store: Store
  readonly #onChange: (notice?: string) => void
  readonly #waiting = new Set<() => void>() // one for each guest that waits, and these are bounded
  #unlisten: (() => Promise<void>) | null = null

  /** `onChange`: something has changed; without a notice it may have. */
  constructor(store: Store, onChange: (notice?: string) => void) {
    this.#store = store
    this.#onChange = onChange
  }

  async start(): Promise<void> {
    const changed = (notice?: string) => this.#changed(notice)
    this.#unlisten = await this.#store.listen(MEMBERSHIP_CHANNEL, {
      onNotice: changed,
      onReconnect: () => changed()
    })
  }

  async stop(): Promise<void> {
    await this.#unlisten?.()
    this.#changed()
  }

  /** Asks `look` until it has an answer. Rejects when the signal is aborted. */
  async until<Answer>(look: () => Promise<Answer | null>, signal: AbortSignal): Promise<Answer> {
    for (;;) {
      const { promise: changed, resolve } = Promise.withResolvers<void>()
      this.#waiting.add(resolve)
      try {
        const answer = await look()
        if (answer !== null) return answer
        await Promise.race([changed, sleep(LOOK_MS, undefined, { signal })])
        signal.throwIfAborted()
      } finally {
        this.#waiting.delete(resolve)
      }
    }
  }

  #changed(notice?: string): void {
    this.#onChange(notice)
    for (const resolve of this.#waiting) resolve()
  }
}
