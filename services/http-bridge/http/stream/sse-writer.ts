/**
 * Writes server-sent events to one response.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import { StreamWriter } from './stream-writer.ts'

export class SseWriter extends StreamWriter {
  readonly contentType = 'text/event-stream; charset=utf-8'

  /** `id`: what a client that comes back names as the last that it has seen. */
  event(name: string, data: unknown, id?: number): void {
    const mark = id === undefined ? '' : `id: ${id}\n`
    this.say(`${mark}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  /** Writes an event without a name. */
  data(text: string): void {
    this.say(`data: ${text}\n\n`)
  }

  /** Writes a line without line breaks that clients ignore, unless they look for it. */
  comment(text: string): void {
    this.say(`: ${text}\n\n`)
  }

  override stayAlive(): void {
    this.comment('keep-alive')
  }
}
