/**
 * Tells readers of this service that a job has new events, and passes on the text that its tasks
 * write, of which only the end is kept, while they run, for readers that come later. A reader that
 * falls behind loses text, which the output will have, and no event, as those are read from the
 * database.
 */
import type { TaskDelta } from '#shared/contracts/jobs/views.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { within } from '#shared/kit/within.ts'

/** Parts of text that wait for one reader; the oldest go. */
const WAITING_MAX = 1000
/** Tasks of which text is kept, and characters of each: 16 MB, or 32 MB beyond Latin letters. */
const KEPT_MAX = 256
const KEPT_CHARACTERS_MAX = 65_536

export class Feed {
  #texts: TaskDelta[] = []
  #news = Promise.withResolvers<void>()
  #hasNews = false

  wake(): void {
    this.#hasNews = true
    this.#news.resolve()
  }

  pass(text: TaskDelta): void {
    this.#texts.push(text)
    if (this.#texts.length > WAITING_MAX) this.#texts.shift()
    this.wake()
  }

  /** The text that has come since. */
  texts(): TaskDelta[] {
    return this.#texts.splice(0)
  }

  /** Resolves when there is something new, and after `ms` at the latest. */
  async next(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#hasNews) {
      const { promise: aborted, resolve } = Promise.withResolvers<void>()
      signal.addEventListener('abort', () => resolve(), { once: true })
      await within(ms, Promise.race([this.#news.promise, aborted]))
    }
    this.#hasNews = false
    this.#news = Promise.withResolvers<void>()
    signal.throwIfAborted()
  }
}

export class Live {
  readonly #feeds = new Map<string, Set<Feed>>() // as many as streams are open
  readonly #kept = new BoundedMap<string, TaskDelta>(KEPT_MAX)

  follow(jobId: string): Feed & Disposable {
    const feed = new Feed()
    const others = this.#feeds.get(jobId) ?? new Set()
    this.#feeds.set(jobId, others.add(feed))
    return Object.assign(feed, {
      [Symbol.dispose]: () => {
        others.delete(feed)
        if (others.size === 0) this.#feeds.delete(jobId)
      }
    })
  }

  changed(jobIds: readonly string[]): void {
    for (const jobId of jobIds) for (const feed of this.#feeds.get(jobId) ?? []) feed.wake()
  }

  /** All of them may have missed something. */
  changedAll(): void {
    this.changed([...this.#feeds.keys()])
  }

  /** What running tasks of a job have written last, one piece each. */
  keptOf(jobId: string): TaskDelta[] {
    return [...this.#kept.values()].filter((kept) => kept.jobId === jobId)
  }

  /** The task does not run any more. */
  forget(jobId: string, taskId: string): void {
    this.#kept.delete(`${jobId}/${taskId}`)
  }

  text(delta: TaskDelta): void {
    this.#keep(delta)
    for (const feed of this.#feeds.get(delta.jobId) ?? []) feed.pass(delta)
  }

  #keep(delta: TaskDelta): void {
    const key = `${delta.jobId}/${delta.taskId}`
    const before = this.#kept.get(key)
    const goesOn =
      before?.attempt === delta.attempt && before.offset + before.text.length === delta.offset
    const all = goesOn ? { ...delta, offset: before.offset, text: before.text + delta.text } : delta
    const { offset, text } = all
    // Half of it goes at once, so that most pieces need no copy.
    const cut = text.length > KEPT_CHARACTERS_MAX ? text.length - KEPT_CHARACTERS_MAX / 2 : 0
    this.#kept.set(key, cut === 0 ? all : { ...all, offset: offset + cut, text: text.slice(cut) })
  }
}
