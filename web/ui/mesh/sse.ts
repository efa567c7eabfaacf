/**
 * Reads server-sent events from a response.
 *
 * `EventSource` can neither POST nor set headers, so the stream is read by hand:
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export interface SseEvent {
  event: string
  data: string
}

/** Characters of one event; a bridge writes far shorter ones. */
const EVENT_CHARACTERS_MAX = 4_194_304

/** The next chunk is asked for when the reader asks for the next event: that is the back-pressure. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<SseEvent> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let pending = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      pending += decoder.decode(value, { stream: true }).replaceAll('\r', '')
      const blocks = pending.split('\n\n')
      pending = blocks.pop()!
      if (pending.length > EVENT_CHARACTERS_MAX) throw new Error('an event is too long')
      for (const block of blocks) {
        const event = parseEvent(block)
        if (event !== null) yield event
      }
    }
  } finally {
    await reader.cancel().catch(() => {}) // it may have failed, and that has been told already
  }
}

/** Null for comments, which only keep the connection alive. */
export function parseEvent(block: string): SseEvent | null {
  let event = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const [, field = '', value = ''] = /^([^:]*)(?::\x20?(.*))?$/.exec(line) ?? []
    if (field === 'event') event = value
    else if (field === 'data') data.push(value)
  }
  return data.length === 0 ? null : { event, data: data.join('\n') }
}
