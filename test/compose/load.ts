/** Streams that ask again and again, and what became of each request. */
import { setTimeout as sleep } from 'node:timers/promises'

interface Outcome {
  /** Of the HTTP reply; 0: no connection, or one that broke. */
  status: number
  /** Whether the answer came to its end. */
  done: boolean
  /** Short: what the error was. */
  problem: string
  /** Of the worker that served it. */
  worker: string
  /** What the bridge called it; empty when no bridge answered. */
  requestId: string
  startedAt: number
  endedAt: number
}

/** After a failed connection, as a client would wait. */
const RETRY_MS = 100

export class Load implements AsyncDisposable {
  readonly outcomes: Outcome[] = []
  readonly #url: string
  readonly #body: object
  readonly #token: string | undefined
  readonly #running: Promise<void>[]
  #stopped = false

  constructor(url: string, streams: number, body: object, token?: string) {
    this.#url = url
    this.#body = body
    this.#token = token
    this.#running = Array.from({ length: streams }, () => this.#stream())
  }

  /** Those that have ended, less what a client takes for its own end. */
  get failed(): Outcome[] {
    return this.outcomes.filter(({ done }) => !done)
  }

  get served(): number {
    return this.outcomes.filter(({ done }) => done).length
  }

  /** Requests that each worker has served. */
  get byWorker(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { worker, done } of this.outcomes) {
      if (done) counts.set(worker, (counts.get(worker) ?? 0) + 1)
    }
    return counts
  }

  /** Lets what runs end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#running)
  }

  async #stream(): Promise<void> {
    while (!this.#stopped) {
      const outcome = await ask(this.#url, this.#body, this.#token)
      this.outcomes.push(outcome)
      if (outcome.status === 0) await sleep(RETRY_MS)
    }
  }
}

export async function ask(url: string, body: object, token?: string): Promise<Outcome> {
  const startedAt = performance.now()
  const outcome = { status: 0, done: false, problem: '', worker: '', requestId: '' }
  try {
    const reply = await fetch(`${url}/infer`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(60_000)
    })
    outcome.status = reply.status
    outcome.requestId = reply.headers.get('x-request-id') ?? ''
    const text = await reply.text()
    outcome.done = text.includes('event: done')
    outcome.worker = /"worker":"([0-9a-f]+)"/.exec(text)?.[1] ?? ''
    if (!outcome.done) outcome.problem = (/"code":"(\w+)"/.exec(text)?.[1] ?? text).slice(0, 200)
  } catch (error) {
    const { message, cause } = error as Error & { cause?: { code?: string } }
    outcome.problem = cause?.code ?? message
  }
  return { ...outcome, startedAt, endedAt: performance.now() }
}
