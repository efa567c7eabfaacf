/**
 * Reads server-sent events from bytes that are cut anywhere: in a line, in an event, in a
 * character. The page uses it too, because `EventSource` can neither POST nor set headers.
 *
 * It follows the standard except for a lone CR as the end of a line, which no server writes:
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export interface SseEvent {
  /** The event's name; `message` where the server gives none. */
  event: string
  /** `data`, or one of `SseParserOptions.dataFields`. */
  field: string
  data: string
  /** What a client that comes back names as the last that it has seen, where the server says it. */
  id?: string
}

interface SseParserOptions {
  /** The bound of one event, as nobody knows whether its end ever comes. */
  charactersMax: number
  /** Makes the error that `push` throws beyond the bound. */
  tooLong: () => Error
  /** Fields beside `data` that some server writes its events into. */
  dataFields?: readonly string[]
}

export class SseParser {
  readonly #options: SseParserOptions
  readonly #decoder = new TextDecoder()
  #line = '' // an unfinished line
  #name = ''
  #id = ''
  #event: SseEvent | null = null

  constructor(options: SseParserOptions) {
    this.#options = options
  }

  /** Returns the events that these bytes complete. */
  push(bytes: Uint8Array): SseEvent[] {
    const text = this.#decoder.decode(bytes, { stream: true })
    const events: SseEvent[] = []
    let from = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      this.#readLine(this.#line + text.slice(from, end), events)
      this.#line = ''
      from = end + 1
    }
    this.#line += text.slice(from)
    this.#assertBounded()
    return events
  }

  #readLine(raw: string, events: SseEvent[]): void {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (line === '') {
      const id = this.#id === '' ? {} : { id: this.#id }
      if (this.#event !== null)
        events.push({ ...this.#event, event: this.#name || 'message', ...id })
      this.#event = null
      this.#name = ''
      this.#id = ''
      return
    }
    const colon = line.indexOf(':') // a comment begins with it, so that its field has no name
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'event') this.#name = value
    else if (field === 'id') this.#id = value
    else if (field === 'data' || this.#options.dataFields?.includes(field)) this.#add(field, value)
    this.#assertBounded()
  }

  #add(field: string, value: string): void {
    if (this.#event === null) this.#event = { event: '', field, data: value }
    else this.#event.data += `\n${value}`
  }

  #assertBounded(): void {
    const characters =
      this.#line.length + this.#name.length + this.#id.length + (this.#event?.data.length ?? 0)
    if (characters > this.#options.charactersMax) throw this.#options.tooLong()
  }
}
