/** Reads server-sent events from a response. */
import { SseParser, type SseEvent } from '#shared/kit/sse-parser.ts'

/** A bridge writes far shorter events. */
const EVENT_CHARACTERS_MAX = 4_194_304

/** The next chunk is read when the reader asks for the next event: that is the back-pressure. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<SseEvent> {
  const reader = body.getReader()
  const parser = new SseParser({
    charactersMax: EVENT_CHARACTERS_MAX,
    tooLong: () => new Error('an event is too long')
  })
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield* parser.push(value)
    }
  } finally {
    await reader.cancel().catch(() => {}) // the reader of the events has been given its failure
  }
}
