/**
 * The requests that wait for one model, in fair order. One whose own constraints leave it no free
 * worker steps aside, so that it does not hold up those that any worker can serve.
 */
import { FairQueue, type Share } from './fair-queue.ts'

/** One more gets RATE_LIMITED. */
const WAITING_MAX = 4096

export class WaitingLine<Entry> {
  readonly #queue = new FairQueue<Entry>(WAITING_MAX)
  readonly #aside = new Set<Entry>() // counted in WAITING_MAX
  /** When the waiting requests last heard of their places. */
  reportedAt = -Infinity

  get size(): number {
    return this.#queue.size + this.#aside.size
  }

  /** False when the line is full. */
  join(entry: Entry, share: Share): boolean {
    return this.size < WAITING_MAX && this.#queue.push(entry, share)
  }

  leave(entry: Entry): void {
    this.#aside.delete(entry)
    this.#queue.remove(entry)
  }

  /** About how many are served before it. */
  position(entry: Entry): number {
    return this.#aside.has(entry) ? 0 : this.#queue.position(entry)
  }

  each(visit: (entry: Entry) => void): void {
    for (const entry of this.#aside) visit(entry)
    for (const entry of this.#queue.entries()) visit(entry)
  }

  /**
   * Offers what is free to one after the other, while `more`. `take` says whether the entry left.
   */
  offer(take: (entry: Entry) => boolean, more: () => boolean): void {
    for (const entry of this.#aside) {
      if (take(entry)) this.#aside.delete(entry)
    }
    for (let next = this.#queue.peek(); next !== null; next = this.#queue.peek()) {
      const left = take(next)
      if (!left && !more()) return
      this.#queue.shift()
      if (!left) this.#aside.add(next)
    }
  }
}
