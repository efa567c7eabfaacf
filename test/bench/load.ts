/** An HTTP client that keeps a number of event streams open at the same time, and times them. */
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** A stream that has ended, however it did. */
export interface Streamed {
  /** The events as they came. */
  text: string
  status: number
  firstTokenMs: number
  totalMs: number
  /** The longest wait between two pieces of the answer. */
  silenceMs: number
}

const TOKEN_EVENT = 'event: token'

export class LoadClient implements Disposable {
  readonly #url: string
  readonly #agent: http.Agent
  readonly #headers: Record<string, string>

  constructor(url: string, connections: number, headers: Record<string, string> = {}) {
    this.#url = url
    this.#headers = { ...HEADERS, ...headers }
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: connections })
  }

  stream(body: object): Promise<Streamed> {
    const { promise, resolve, reject } = Promise.withResolvers<Streamed>()
    const startedAt = performance.now()
    const options = { method: 'POST', agent: this.#agent, headers: this.#headers }
    const request = http.request(`${this.#url}/infer`, options, (response) => {
      read(response, startedAt).then(resolve, reject)
    })
    request.on('error', reject)
    request.end(JSON.stringify(body))
    return promise
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

const HEADERS = { 'content-type': 'application/json', accept: 'text/event-stream' }

async function read(response: http.IncomingMessage, startedAt: number): Promise<Streamed> {
  const { promise, resolve, reject } = Promise.withResolvers<Streamed>()
  let text = ''
  let firstTokenMs = NaN
  let silenceMs = 0
  let heardAt = startedAt
  response.setEncoding('utf8')
  response.on('data', (part: string) => {
    const now = performance.now()
    text += part
    if (!Number.isNaN(firstTokenMs)) silenceMs = Math.max(silenceMs, now - heardAt)
    else if (text.includes(TOKEN_EVENT)) firstTokenMs = now - startedAt
    heardAt = now
  })
  response.on('end', () => {
    const totalMs = performance.now() - startedAt
    resolve({ text, status: response.statusCode ?? 0, firstTokenMs, totalMs, silenceMs })
  })
  response.on('error', reject)
  return promise
}

/** How many events of tokens there are, when the stream has ended well; else null. */
export function countTokenEvents({ text }: Streamed): number | null {
  if (!text.includes('event: done')) return null
  let count = 0
  for (let at = text.indexOf(TOKEN_EVENT); at >= 0; at = text.indexOf(TOKEN_EVENT, at + 1)) count++
  return count
}

/** The text of an answer, put together from its events. */
export function answerOf({ text }: Streamed): string {
  let answer = ''
  for (const [, data] of text.matchAll(/^event: token\ndata: (.*)$/gm)) {
    answer += (JSON.parse(data!) as { text: string }).text
  }
  return answer
}

/**
 * Starts `streams` workers that call `once` again and again until the time is over; not all at the
 * same moment, but one after the other within `staggerMs`.
 */
export async function keepBusy(
  streams: number,
  seconds: number,
  once: (index: number) => Promise<void>,
  { staggerMs = 0 } = {}
): Promise<{ seconds: number }> {
  const startedAt = performance.now()
  const until = startedAt + seconds * 1000
  let index = 0
  const one = async (stream: number) => {
    if (staggerMs > 0) await sleep((staggerMs * stream) / streams)
    while (performance.now() < until) await once(index++)
  }
  await Promise.all(Array.from({ length: streams }, (_, stream) => one(stream)))
  return { seconds: (performance.now() - startedAt) / 1000 }
}
