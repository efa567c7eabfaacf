/**
 * HTTP to a server that we do not run. Every wait has a bound, an abort closes the socket at once,
 * and every error becomes one of ours here.
 *
 * Each request has its own connection: the server may close a kept one in the moment in which it is
 * used again, and nobody could know whether the request has arrived.
 */
import { request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { TLSSocket } from 'node:tls'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { readApiKey } from './api-key.ts'
import { errorOfStatus, NoApi, ServerGone, ServerLate } from './upstream-errors.ts'
import { CertificateRefused, isAboutCertificate, readCa } from './upstream-tls.ts'
import { eventsOfWhole } from './whole-answer.ts'

export interface UpstreamTimeouts {
  connectMs: number
  /** The wait for the first token: the prompt is read, and the server may have a queue. */
  firstTokenMs: number
  /** The wait between two pieces of an answer. */
  idleMs: number
  /** The wait for a look at the server: its models, its load. */
  lookMs: number
}

const UPSTREAM_TIMEOUTS: UpstreamTimeouts = {
  connectMs: 5_000,
  firstTokenMs: 300_000, // 30,000 tokens at 100 tokens/s
  idleMs: 60_000,
  lookMs: 5_000
}

const REPLY_BYTES_MAX = 4 << 20
const VECTORS_BYTES_MAX = 64 << 20
const ERROR_BYTES_MAX = 65_536

interface UpstreamClientOptions {
  /** The address before `/models`, which usually ends in `/v1`. */
  url: URL
  /** Holds the API key and nothing else. */
  keyFile?: string
  /** A certificate in PEM form that is trusted beside those of the system. */
  caFile?: string
  timeouts?: Partial<UpstreamTimeouts>
}

export class UpstreamClient {
  /** The server's name in messages. */
  readonly name: string
  readonly keyFile: string | undefined
  #base: string
  readonly #ca: string[] | undefined
  readonly #timeouts: UpstreamTimeouts

  constructor({ url, keyFile, caFile, timeouts = {} }: UpstreamClientOptions) {
    this.name = `the server at ${url.host}`
    this.keyFile = keyFile
    this.#base = url.href.replace(/\/+$/, '')
    this.#ca = caFile === undefined ? undefined : readCa(caFile)
    this.#timeouts = { ...UPSTREAM_TIMEOUTS, ...timeouts }
  }

  get base(): string {
    return this.#base
  }

  /** The given address, and what people mean when it is not the one of the API. */
  get bases(): string[] {
    const plain = this.#base.replace(/\/(?:chat\/completions|completions|embeddings|models)$/, '')
    const root = plain.replace(/\/(?:v1|api)$/, '')
    return [...new Set([this.#base, plain, `${plain}/v1`, `${root}/v1`, root])]
  }

  /** Where the API was found. */
  useBase(base: string): void {
    this.#base = base
  }

  /** `/models` is below the given address, `//props` below the same without its `/v1`. */
  async getJson(path: string): Promise<unknown> {
    return this.#parse(path, await this.getText(path))
  }

  /** The list of models, from one of `bases`. */
  async listAt(base: string): Promise<unknown> {
    return this.#parse('/models', await this.getText('/models', base))
  }

  async getText(path: string, base = this.#base): Promise<string> {
    const controller = new AbortController()
    const late = new ServerLate(`${this.name} does not answer ${path} in time`)
    const timer = setTimeout(() => controller.abort(late), this.#timeouts.lookMs)
    try {
      const url = urlOf(base, path)
      const response = await this.#open('GET', url, undefined, controller.signal)
      return await this.#readAll(response, controller.signal, REPLY_BYTES_MAX)
    } finally {
      clearTimeout(timer)
    }
  }

  async postJson(path: string, body: object, signal: AbortSignal): Promise<unknown> {
    const url = urlOf(this.#base, path)
    const response = await this.#open('POST', url, JSON.stringify(body), signal)
    return this.#parse(path, await this.#readAll(response, signal, VECTORS_BYTES_MAX))
  }

  #parse(path: string, text: string): unknown {
    try {
      return JSON.parse(text)
    } catch (error) {
      const what = /^\s*</.test(text) ? 'a web page' : 'something else'
      throw new NoApi(`${this.name} answered ${path} with ${what}`, { cause: error })
    }
  }

  /**
   * Streams the pieces of the answer. Rejects with the signal's reason when it is aborted. Once
   * `hasBegun` returns true, the bound is that between two pieces.
   */
  async *post(
    path: string,
    body: object,
    { signal, hasBegun }: { signal: AbortSignal; hasBegun: () => boolean }
  ): AsyncGenerator<Buffer, void, void> {
    const { firstTokenMs, idleMs } = this.#timeouts
    const url = urlOf(this.#base, path)
    const response = await this.#open('POST', url, JSON.stringify(body), signal)
    if (/^application\/json\b/.test(response.headers['content-type'] ?? '')) {
      const text = await this.#readAll(response, signal, REPLY_BYTES_MAX, firstTokenMs)
      yield Buffer.from(eventsOfWhole(text) ?? text)
      return
    }
    yield* this.#chunks(response, signal, () => (hasBegun() ? idleMs : firstTokenMs))
  }

  async #open(
    method: 'GET' | 'POST',
    url: string,
    body: string | undefined,
    signal: AbortSignal
  ): Promise<IncomingMessage> {
    const key = this.keyFile === undefined ? null : await readApiKey(this.keyFile)
    signal.throwIfAborted()
    const response = await this.#send(method, url, { body, key, signal })
    const { statusCode: status = 0 } = response
    if (status >= 200 && status < 300) return response
    const said = await this.#readAll(response, signal, ERROR_BYTES_MAX).catch(() => '')
    signal.throwIfAborted()
    const { name, keyFile } = this
    throw errorOfStatus({ name, keyFile, status, body: said, headers: response.headers })
  }

  async #send(
    method: string,
    url: string,
    { body, key, signal }: { body: string | undefined; key: string | null; signal: AbortSignal }
  ): Promise<IncomingMessage> {
    const headers = {
      accept: body === undefined ? '*/*' : 'text/event-stream',
      ...(body === undefined ? {} : jsonHeaders(body)),
      ...(key === null ? {} : { authorization: `Bearer ${key}` })
    }
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const send = url.startsWith('https:') ? requestHttps : requestHttp
    const tls = this.#ca === undefined ? {} : { ca: this.#ca }
    const request = send(url, { method, headers, agent: false, ...tls }, resolve)
    const endLimit = this.#limit(request)
    const onAbort = () => request.destroy()
    signal.addEventListener('abort', onAbort, { once: true })
    request.on('error', reject)
    request.on('close', () => signal.removeEventListener('abort', onAbort)) // with its response
    request.end(body)
    try {
      return await promise
    } catch (error) {
      signal.throwIfAborted()
      throw this.#translate(error)
    } finally {
      endLimit()
    }
  }

  /** Bounds the connection, then the first byte; returns the function that ends the bound. */
  #limit(request: ClientRequest): () => void {
    const { connectMs, firstTokenMs } = this.#timeouts
    const giveUp = (ms: number, error: HaifError) => setTimeout(() => request.destroy(error), ms)
    const unreachable = new ServerGone(`${this.name} cannot be reached within ${connectMs} ms`)
    let timer = giveUp(connectMs, unreachable)
    const onConnect = () => {
      clearTimeout(timer)
      timer = giveUp(firstTokenMs, this.#silent(firstTokenMs))
    }
    request.once('socket', (socket) => {
      socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', onConnect)
    })
    return () => clearTimeout(timer)
  }

  async *#chunks(
    response: IncomingMessage,
    signal: AbortSignal,
    limitMs: () => number
  ): AsyncGenerator<Buffer> {
    const iterator = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    try {
      for (;;) {
        const ms = limitMs()
        const timer = setTimeout(() => response.destroy(this.#silent(ms)), ms)
        const next = await iterator.next().finally(() => clearTimeout(timer))
        signal.throwIfAborted()
        if (next.done === true) return
        yield next.value
      }
    } catch (error) {
      signal.throwIfAborted()
      throw this.#translate(error)
    } finally {
      response.destroy()
    }
  }

  async #readAll(
    response: IncomingMessage,
    signal: AbortSignal,
    bytesMax: number,
    idleMs = this.#timeouts.lookMs
  ): Promise<string> {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of this.#chunks(response, signal, () => idleMs)) {
      bytes += chunk.length
      if (bytes > bytesMax) {
        throw new HaifError('ENGINE_FAILED', `${this.name} sends more than ${bytesMax} bytes`)
      }
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString()
  }

  #silent(ms: number): HaifError {
    return new HaifError('ENGINE_FAILED', `${this.name} has sent nothing for ${ms / 1000} s`)
  }

  #translate(error: unknown): unknown {
    if (error instanceof HaifError || !(error instanceof Error)) return error
    const { code = '' } = error as NodeJS.ErrnoException
    if (NOBODY_THERE.has(code)) {
      return new ServerGone(`${this.name} cannot be reached (${code})`, { cause: error })
    }
    if (isAboutCertificate(code)) return new CertificateRefused(this.name, code, error)
    if (code === 'EPROTO') {
      return new NoApi(`${this.name} does not speak TLS: write http:// in its address`)
    }
    return new HaifError('ENGINE_FAILED', `${this.name} broke off: ${reasonOf(error)}`, {
      cause: error
    })
  }
}

const NOBODY_THERE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT'
])

/** `/models` is below the given address, `//props` below the same without its `/v1`. */
const urlOf = (base: string, path: string): string =>
  path.startsWith('//') ? base.replace(/\/v1$/, '') + path.slice(1) : base + path

const jsonHeaders = (body: string) => ({
  'content-type': 'application/json',
  'content-length': Buffer.byteLength(body)
})
