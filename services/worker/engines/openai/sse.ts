/**
 * Server-sent events from bytes that are cut anywhere: in a line, in an event, in a character. As
 * the standard has it, but for a lone CR as the end of a line, which no server writes.
 */
import { HaifError } from '#shared/errors.ts'

export interface SseEvent {
  /** `error`: llama-server of 2024 wrote its errors into a field of that name. */
  field: 'data' | 'error'
  data: string
}

/** One event carries one piece of an answer; the wire of the mesh takes no longer ones. */
const EVENT_CHARACTERS_MAX = 65_536

export class SseParser {
  readonly #decoder = new TextDecoder()
  #line = '' // what has come of an unfinished line
  #event: SseEvent | null = null

  /** The events that these bytes complete. */
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
      if (this.#event !== null) events.push(this.#event)
      this.#event = null
      return
    }
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    if (field !== 'data' && field !== 'error') return // a comment, or what we have no use for
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (this.#event === null) this.#event = { field, data: value }
    else this.#event.data += `\n${value}`
    this.#assertBounded()
  }

  #assertBounded(): void {
    if (this.#line.length + (this.#event?.data.length ?? 0) <= EVENT_CHARACTERS_MAX) return
    throw new HaifError('ENGINE_FAILED', 'the server sent an event without an end')
  }
}
