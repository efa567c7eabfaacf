/**
 * Decides whose request is served next: there are two classes, and inside a class tenants share by
 * weight.
 *
 * Start-time fair queueing (Goyal, Vin, Cheng 1996): each tenant has a virtual time at which its
 * next request starts, and the earliest is next; serving it moves the tenant on by 1 / weight. A
 * tenant that comes new starts at the present virtual time, so a thousand requests of one tenant
 * stand in the way of only one of another's.
 */
import assert from 'node:assert/strict'

export type Priority = 'interactive' | 'batch'

export interface Share {
  tenant: string
  /** A tenant with twice the weight gets twice the share. */
  weight: number
  priority: Priority
}

/** While both classes wait, every eighth turn is for `batch`, so that it never starves. */
const BATCH_TURN = 8

interface Lane<Entry> {
  start: number
  weight: number
  entries: Set<Entry> // in order of arrival
}

class FairClass<Entry> {
  readonly lanes = new Map<string, Lane<Entry>>() // tenants that wait or have just been served
  #virtualTime = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(entry: Entry, { tenant, weight }: Share): void {
    const lane = this.lanes.get(tenant) ?? { start: 0, weight, entries: new Set() }
    if (lane.entries.size === 0) lane.start = Math.max(lane.start, this.#virtualTime)
    lane.weight = weight
    lane.entries.add(entry)
    this.lanes.set(tenant, lane)
    this.#size++
  }

  remove(entry: Entry, { tenant }: Share): boolean {
    if (this.lanes.get(tenant)?.entries.delete(entry) !== true) return false
    this.#shrink()
    return true
  }

  /** The lane whose turn it is. */
  #turn(): Lane<Entry> | null {
    let next: Lane<Entry> | null = null
    for (const lane of this.lanes.values()) {
      if (lane.entries.size === 0) continue
      if (next === null || lane.start < next.start) next = lane
    }
    return next
  }

  peek(): Entry | null {
    const [first] = this.#turn()?.entries ?? []
    return first ?? null
  }

  shift(): Entry | null {
    const lane = this.#turn()
    const [entry] = lane?.entries ?? []
    if (lane === null || entry === undefined) return null
    lane.entries.delete(entry)
    this.#virtualTime = lane.start
    lane.start += 1 / lane.weight
    this.#shrink()
    return entry
  }

  #shrink(): void {
    this.#size--
    assert(this.#size >= 0, 'R9: more requests have left a queue than came')
    this.#forgetIdle()
  }

  /** A tenant that does not wait is remembered only while it is ahead of its share. */
  #forgetIdle(): void {
    if (this.#size === 0) this.lanes.clear()
    for (const [tenant, lane] of this.lanes) {
      if (lane.entries.size === 0 && lane.start <= this.#virtualTime) this.lanes.delete(tenant)
    }
  }
}

export class FairQueue<Entry> {
  readonly #max: number
  readonly #shares = new Map<Entry, Share>() // at most `max`
  readonly #classes = { interactive: new FairClass<Entry>(), batch: new FairClass<Entry>() }
  #sinceBatch = 0

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#shares.size
  }

  /** False when the queue is full. */
  push(entry: Entry, share: Share): boolean {
    if (this.#shares.size >= this.#max) return false
    this.#shares.set(entry, share)
    this.#classes[share.priority].push(entry, share)
    return true
  }

  entries(): Iterable<Entry> {
    return this.#shares.keys()
  }

  /** The entry that `shift` would take. */
  peek(): Entry | null {
    return this.#turn().peek()
  }

  shift(): Entry | null {
    const turn = this.#turn()
    const entry = turn.shift()
    if (entry === null) return null
    this.#sinceBatch = turn === this.#classes.batch ? 0 : this.#sinceBatch + 1
    this.#shares.delete(entry)
    return entry
  }

  /** The entry leaves without being served, e.g. because its caller has gone. */
  remove(entry: Entry): void {
    const share = this.#shares.get(entry)
    if (share === undefined) return
    this.#shares.delete(entry)
    this.#classes[share.priority].remove(entry, share)
  }

  /**
   * About how many are served before it: those of its own tenant that came earlier, and as many of
   * each other tenant that waits in its class; in class `batch` also those of `interactive`.
   */
  position(entry: Entry): number {
    const share = this.#shares.get(entry)
    if (share === undefined) return 0
    const { lanes } = this.#classes[share.priority]
    const own = lanes.get(share.tenant)
    if (own === undefined) return 0
    let ahead = 0
    for (const earlier of own.entries) {
      if (earlier === entry) break
      ahead++
    }
    let before = share.priority === 'batch' ? this.#classes.interactive.size : 0
    for (const lane of lanes.values()) {
      const turns = Math.ceil(((ahead + 1) * lane.weight) / own.weight)
      before += lane === own ? ahead : Math.min(lane.entries.size, turns)
    }
    return before
  }

  #turn(): FairClass<Entry> {
    const { interactive, batch } = this.#classes
    if (interactive.size === 0) return batch
    return batch.size > 0 && this.#sinceBatch >= BATCH_TURN - 1 ? batch : interactive
  }
}
