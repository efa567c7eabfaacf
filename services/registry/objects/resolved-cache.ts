/**
 * What names mean to whom, as long as nothing of the catalogue has changed: every change is told
 * through the database when it is committed. A notice that is lost costs `AGE_MS_MAX`.
 */
import type { RunnableObject } from '#shared/contracts/functions/methods.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { Queryable, Store } from '#shared/store/store.ts'

const CHANNEL = 'haif_objects'
/** Functions only, of a few kilobytes each: a pipeline may have megabytes. */
const KEPT_MAX = 500
const AGE_MS_MAX = 5000

interface Resolved {
  object: RunnableObject
  at: number
}

export class ResolvedCache {
  readonly #store: Store
  readonly #now: () => number
  readonly #kept = new BoundedMap<string, Resolved>(KEPT_MAX)
  #changes = 0
  #isListening = false
  #hears = false

  constructor(store: Store, now = () => performance.now()) {
    this.#store = store
    this.#now = now
  }

  async of(
    tenant: string,
    ref: string,
    find: () => Promise<RunnableObject>
  ): Promise<RunnableObject> {
    const key = `${tenant} ${ref}`
    const known = this.#kept.get(key)
    if (known !== undefined && this.#now() - known.at < AGE_MS_MAX) return known.object
    this.#listen()
    const [before, at, isHeard] = [this.#changes, this.#now(), this.#hears]
    const object = await find()
    const isCurrent = isHeard && before === this.#changes
    if (isCurrent && object.pipeline === undefined) this.#kept.set(key, { object, at })
    return object
  }

  /** It is seen here when this has returned, and at other registries when they have heard of it. */
  async change<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result> {
    const result = await this.#store.transaction(async (tx) => {
      const changed = await work(tx)
      await tx.query('select pg_notify($1, $2)', [CHANNEL, ''])
      return changed
    })
    this.#clear()
    return result
  }

  #clear(): void {
    this.#changes++
    this.#kept.clear()
  }

  /** Until it is heard what others change nothing is kept; the store stops it with itself. */
  #listen(): void {
    if (this.#isListening) return
    this.#isListening = true
    const clear = () => this.#clear()
    this.#store.listen(CHANNEL, { onNotice: clear, onReconnect: clear }).then(
      () => (this.#hears = true),
      () => (this.#isListening = false) // the next call tries again
    )
  }
}
