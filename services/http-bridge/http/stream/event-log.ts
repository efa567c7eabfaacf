/**
 * Keeps the newest events of one stream, so that readers can come later, or come back, and read on
 * behind the last event that they have seen. Whoever writes never waits for a reader.
 */
import { once, EventEmitter } from 'node:events'
import { HaifError } from '#shared/errors.ts'

/** Where the events of a stream go. */
export interface EventSink {
  event(name: string, data: object): void
  comment(text: string): void
}

interface LoggedEvent {
  name: string
  data: object
}

/** Of the events of one stream, counted as they are written; the oldest go first. */
const LOG_CHARACTERS_MAX = 1024 * 1024

export class EventLog implements EventSink {
  readonly #charactersMax: number
  readonly #events: { event: LoggedEvent; characters: number }[] = [] // within the bound
  /** The number of the first event that is still here. */
  #first = 0
  #characters = 0
  #isClosed = false
  readonly #changes = new EventEmitter().setMaxListeners(0) // a listener for each reader

  constructor(charactersMax = LOG_CHARACTERS_MAX) {
    this.#charactersMax = charactersMax
  }

  event(name: string, data: object): void {
    const characters = JSON.stringify(data).length
    this.#events.push({ event: { name, data }, characters })
    this.#characters += characters
    while (this.#characters > this.#charactersMax && this.#events.length > 1) {
      this.#characters -= this.#events.shift()!.characters
      this.#first++
    }
    this.#changes.emit('change')
  }

  /** Nobody reads comments that come later. */
  comment(): void {}

  close(): void {
    this.#isClosed = true
    this.#changes.emit('change')
  }

  /** Yields the events behind number `after` (-1: all of them), and then each as it comes. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<readonly LoggedEvent[]> {
    let next = after + 1
    for (;;) {
      if (next < this.#first) throw tooOld(this.#first)
      const fresh = this.#events.slice(next - this.#first)
      if (fresh.length > 0) {
        next += fresh.length
        yield fresh.map(({ event }) => event)
      } else {
        if (this.#isClosed) return
        await once(this.#changes, 'change', { signal })
      }
    }
  }
}

const tooOld = (first: number): HaifError =>
  new HaifError(
    'VALIDATION_FAILED',
    `events before number ${first} are not kept any more: read the response itself`,
    { details: { param: 'starting_after' } }
  )
