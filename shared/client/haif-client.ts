/**
 * `haif/client`: asks a mesh over HTTP from any program with `fetch`. It waits as `Retry-After`
 * says and tries again, and goes on with streams that were cut: an answer by its key of
 * idempotency, which makes the same answer come again, and a job behind its last event.
 *
 *   const haif = new HaifClient({ url: 'http://127.0.0.1:8080', token: process.env.HAIF_TOKEN })
 *   for await (const text of haif.stream({ prompt: 'What is HAIF?' })) process.stdout.write(text)
 */
import type {
  DoneEvent,
  NativeInferBody,
  NativeInferReply,
  VersionedInferBody,
  VersionedInferReply
} from '../contracts/http/infer.ts'
import { retryAfterMs, waitMs } from './retry-after.ts'
import { SseParser, type SseEvent } from '../kit/sse-parser.ts'

/** Beyond it no event of ours comes. */
const EVENT_CHARACTERS_MAX = 16 * 1024 * 1024
const RETRIES = 4

interface HaifClientOptions {
  url?: string
  token?: string | undefined
  /** How often a request is tried again. */
  retries?: number
  fetch?: typeof fetch
}

interface CallOptions {
  signal?: AbortSignal
  /** The same key, the same answer; one is made where none is given. */
  idempotencyKey?: string
}

type InferRequest = Omit<NativeInferBody, 'stream'>

/** What is known of every job; see docs/jobs.md. */
interface HaifJob {
  job_id: string
  status: string
  error?: string | null
  result?: unknown
  [field: string]: unknown
}

interface HaifEvent {
  /** `job.status`, `task.update`, … */
  event: string
  data: Record<string, unknown>
}

/** A reply of the mesh that says no; `code` is one of docs/errors.md. */
export class HaifRequestError extends Error {
  readonly status: number
  readonly code: string
  readonly requestId: string | null
  readonly retryAfterMs: number | null

  constructor(status: number, body: unknown, headers: Headers) {
    const { error, code = '' } = (body ?? {}) as { error?: unknown; code?: string }
    const inner = (typeof error === 'string' ? { message: error, code } : error) as
      | Inner
      | null
      | undefined
    super(inner?.message ?? `the server answered with ${status}`)
    this.name = 'HaifRequestError'
    this.status = status
    this.code = inner?.code ?? ''
    this.requestId = headers.get('x-request-id')
    this.retryAfterMs = retryAfterMs(headers.get('retry-after'), Date.now())
  }
}

interface Inner {
  message?: string
  code?: string
}

export class HaifClient {
  readonly #url: string
  readonly #token: string | undefined
  readonly #retries: number
  readonly #fetch: typeof fetch

  constructor(options: HaifClientOptions = {}) {
    const { url = 'http://127.0.0.1:8080', token, retries = RETRIES } = options
    this.#url = url.replace(/\/+$/, '')
    this.#token = token
    this.#retries = retries
    this.#fetch = options.fetch ?? fetch
  }

  /** Resolves with the whole answer. */
  async infer(body: InferRequest, options: CallOptions = {}): Promise<NativeInferReply> {
    const response = await this.#call('POST', '/infer', { ...options, body })
    return (await response.json()) as NativeInferReply
  }

  /** The strict contract of the AI Runtime, in which unknown fields are an error. */
  async submit(
    body: Omit<VersionedInferBody, 'api_version'>,
    options: CallOptions = {}
  ): Promise<VersionedInferReply> {
    const asked = { ...options, body: { api_version: 'v1', ...body } }
    const response = await this.#call('POST', '/infer', asked)
    return (await response.json()) as VersionedInferReply
  }

  /** Yields the text as it comes, and returns how it ended. */
  async *stream(
    body: InferRequest,
    options: CallOptions = {}
  ): AsyncGenerator<string, DoneEvent, void> {
    const asked = {
      idempotencyKey: crypto.randomUUID(),
      ...options,
      body: { ...body, stream: true }
    }
    let shown = 0
    for (let cuts = 0; ; cuts++) {
      let seen = 0
      try {
        const response = await this.#call('POST', '/infer', asked)
        for await (const { event, data } of eventsOf(response)) {
          const read = JSON.parse(data) as { text?: string } & DoneEvent
          if (event === 'done') return read
          if (event === 'error') throw new HaifRequestError(200, read, response.headers)
          if (event !== 'token') continue
          // The same answer comes from its beginning: what was shown before is passed over.
          const { text = '' } = read
          const fresh = text.slice(Math.max(0, shown - seen))
          seen += text.length
          if (fresh === '') continue
          shown += fresh.length
          yield fresh
        }
        throw new TypeError('the stream was cut')
      } catch (error) {
        if (!isCut(error) || cuts >= this.#retries || options.signal?.aborted === true) throw error
        await sleep(waitMs(cuts, null), options.signal)
      }
    }
  }

  /** Resolves with the id of a new job, or of the one that the key made before. */
  async submitJob(job: object, options: CallOptions = {}): Promise<string> {
    const response = await this.#call('POST', '/v1/jobs', { ...options, body: job })
    return ((await response.json()) as HaifJob).job_id
  }

  async job(id: string, { signal }: Pick<CallOptions, 'signal'> = {}): Promise<HaifJob> {
    const path = `/v1/jobs/${encodeURIComponent(id)}`
    const response = await this.#call('GET', path, signal === undefined ? {} : { signal })
    return (await response.json()) as HaifJob
  }

  /** Yields what happens to a job until it has ended, each event once. */
  async *watchJob(
    id: string,
    { signal, after }: Pick<CallOptions, 'signal'> & { after?: string } = {}
  ): AsyncGenerator<HaifEvent, void, void> {
    let last = after
    for (let cuts = 0; ; cuts++) {
      try {
        const response = await this.#call('GET', `/v1/jobs/${encodeURIComponent(id)}/stream`, {
          ...(signal === undefined ? {} : { signal }),
          ...(last === undefined ? {} : { lastEventId: last })
        })
        if (response.status === 204) return
        for await (const { event, data, id: place } of eventsOf(response)) {
          last = place ?? last
          cuts = 0
          yield { event, data: JSON.parse(data) as HaifEvent['data'] }
          if (ENDS.has(event)) return
        }
      } catch (error) {
        if (!isCut(error) || cuts >= this.#retries || signal?.aborted === true) throw error
      }
      await sleep(waitMs(cuts, null), signal)
    }
  }

  /** Resolves with the job once it has ended, however it did. */
  async jobEnded(id: string, options: Pick<CallOptions, 'signal'> = {}): Promise<HaifJob> {
    const events = this.watchJob(id, options)
    while ((await events.next()).done !== true);
    return this.job(id, options)
  }

  /** The requests and tokens of the caller's tenant; `query` as in docs/access.md. */
  async usage(
    query: Record<string, string> = {},
    { signal }: Pick<CallOptions, 'signal'> = {}
  ): Promise<unknown> {
    const path = `/v1/usage?${new URLSearchParams(query).toString()}`
    const response = await this.#call('GET', path, signal === undefined ? {} : { signal })
    return response.json()
  }

  async #call(method: string, path: string, options: Request): Promise<Response> {
    const { signal, body, lastEventId } = options
    const key = options.idempotencyKey ?? crypto.randomUUID()
    const headers: Record<string, string> = {
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'idempotency-key': key }),
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId })
    }
    const init: RequestInit = { method, headers, ...(signal === undefined ? {} : { signal }) }
    if (body !== undefined) init.body = JSON.stringify(body)
    for (let tries = 0; ; tries++) {
      const last = tries >= this.#retries
      const response = await this.#fetch(this.#url + path, init).catch((error: unknown) => {
        if (last || signal?.aborted === true) throw error
        return null // the server cannot be reached, or not yet
      })
      if (response?.ok === true) return response
      if (response !== null && (last || !RETRIED.has(response.status))) {
        const text: unknown = await response.json().catch(() => null)
        throw new HaifRequestError(response.status, text, response.headers)
      }
      await response?.body?.cancel()
      const wanted = retryAfterMs(response?.headers.get('retry-after') ?? null, Date.now())
      await sleep(waitMs(tries, wanted), signal)
    }
  }
}

interface Request extends CallOptions {
  body?: object
  lastEventId?: string
}

/** Statuses of what may be better soon. A request is safe to repeat by its key. */
const RETRIED: ReadonlySet<number> = new Set([429, 502, 503])

const ENDS: ReadonlySet<string> = new Set([
  'job.completed',
  'job.failed',
  'job.canceled',
  'job.archived'
])

/** Every error of `fetch` and its streams that is no reply of the server. */
const isCut = (error: unknown): boolean => error instanceof TypeError

async function* eventsOf(response: Response): AsyncGenerator<SseEvent> {
  const parser = new SseParser({
    charactersMax: EVENT_CHARACTERS_MAX,
    tooLong: () => new Error('an event of the server is too long')
  })
  for await (const bytes of response.body ?? []) yield* parser.push(bytes)
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = () => {
    clearTimeout(timer)
    reject(signal?.reason as Error)
  }
  const timer = setTimeout(() => {
    signal?.removeEventListener('abort', onAbort)
    resolve()
  }, ms)
  if (signal?.aborted === true) onAbort()
  else signal?.addEventListener('abort', onAbort, { once: true })
  return promise
}
