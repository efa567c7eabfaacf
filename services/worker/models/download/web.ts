/**
 * HTTP as downloads need it: through the proxies of the environment, never decompressed, each hop
 * of a redirect looked at. Nothing that a server sends is believed before it was checked.
 */
import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { Hub } from '../sources/hub.ts'

const REDIRECTS_MAX = 10
const CONNECTIONS_MAX = 8
/** Of an answer that is read whole. */
const TEXT_BYTES_MAX = 1 << 20

/** The network or a server failed; another try may succeed. */
export class WebFault extends Error {
  /** The server's wish. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, retryAfterMs?: number) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}

interface Ask {
  method?: 'GET' | 'HEAD'
  headers?: Record<string, string>
  signal: AbortSignal
}

export interface Reply {
  status: number
  headers: IncomingMessage['headers']
  /** Where it came from in the end. */
  url: URL
  body: IncomingMessage
}

export class Web {
  readonly #hub: Hub
  readonly #silentMs: number
  readonly #http: HttpAgent
  readonly #https: HttpsAgent

  constructor(hub: Hub, silentMs: number) {
    this.#hub = hub
    this.#silentMs = silentMs
    const options = { keepAlive: true, maxSockets: CONNECTIONS_MAX, proxyEnv: hub.proxies ?? {} }
    this.#http = new HttpAgent(options)
    this.#https = new HttpsAgent(options)
  }

  /** Follows redirects, for a HEAD only those within its host: what they say of a file counts. */
  async ask(address: string | URL, { method = 'GET', headers = {}, signal }: Ask): Promise<Reply> {
    let url = new URL(address)
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
      const reply = await this.#once(url, method, headers, signal)
      const next = nextOf(reply)
      if (next === null) return reply
      const isElsewhere = next.origin !== url.origin || 'x-linked-size' in reply.headers
      if (method === 'HEAD' && isElsewhere) return reply
      reply.body.destroy()
      url = next
    }
    throw new WebFault(`${new URL(address).host} redirects in a circle`)
  }

  /** The whole body of a small answer. */
  async textOf({ body, url }: Reply): Promise<string> {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of this.bytesOf(body, url)) {
      bytes += chunk.length
      if (bytes > TEXT_BYTES_MAX) throw new WebFault(`${url.host} sends more than was asked for`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString()
  }

  async *bytesOf(body: IncomingMessage, url: URL): AsyncGenerator<Buffer, void, void> {
    try {
      for await (const chunk of body) yield chunk as Buffer
    } catch (error) {
      throw this.#fault(url, error)
    } finally {
      body.destroy()
    }
  }

  close(): void {
    this.#http.destroy()
    this.#https.destroy()
  }

  async #once(
    url: URL,
    method: string,
    headers: Record<string, string>,
    signal: AbortSignal
  ): Promise<Reply> {
    const isPlain = url.protocol === 'http:'
    const send = isPlain ? requestHttp : requestHttps
    const agent = isPlain ? this.#http : this.#https
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const all = { 'accept-encoding': 'identity', ...headers, ...this.#authorization(url) }
    let body: IncomingMessage | null = null
    try {
      const request = send(url, { method, headers: all, agent, signal }, resolve)
      request.on('error', reject)
      const silent = new WebFault(`${url.host} has sent nothing for ${this.#silentMs / 1000} s`)
      request.setTimeout(this.#silentMs, () => (body ?? request).destroy(silent))
      request.end()
      body = await promise
      body.on('error', () => {}) // whoever reads it hears of it
      return { status: body.statusCode ?? 0, headers: body.headers, url, body }
    } catch (error) {
      signal.throwIfAborted()
      throw this.#fault(url, error)
    }
  }

  /** The token is shown to the hub alone, not to the hosts it redirects to. */
  #authorization({ origin }: URL): Record<string, string> {
    const { token, endpoint } = this.#hub
    if (token === undefined || origin !== new URL(endpoint).origin) return {}
    return { authorization: `Bearer ${token}` }
  }

  #fault(url: URL, error: unknown): WebFault {
    if (error instanceof WebFault) return error
    const { code = '' } = error as NodeJS.ErrnoException
    const proxy = proxyOf(url, this.#hub)
    const through = proxy === null ? '' : ` through the proxy ${proxy}`
    if (CERTIFICATE.test(code)) {
      const why = `shows a certificate that this machine does not trust (${code})`
      const remedy = 'set NODE_EXTRA_CA_CERTS to the file of the CA, or NODE_USE_SYSTEM_CA=1'
      return new WebFault(`${url.host} ${why}; ${remedy}`)
    }
    return new WebFault(`${url.host} cannot be reached${through} (${reasonOf(error)})`)
  }
}

/** Null where the answer is no redirect. */
function nextOf({ status, headers, url }: Reply): URL | null {
  if (status < 300 || status > 399 || status === 304) return null
  const location = headers.location ?? ''
  const next = URL.canParse(location, url.href) ? new URL(location, url) : null
  if (location === '' || next === null || !/^https?:$/.test(next.protocol)) {
    throw new WebFault(`${url.host} redirects to nowhere ("${location.slice(0, 100)}")`)
  }
  if (url.protocol === 'https:' && next.protocol === 'http:') {
    throw new WebFault(`${url.host} redirects to an address without TLS (${next.host})`)
  }
  return next
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/

/** Without its password. */
function proxyOf({ protocol }: URL, { proxies = {} }: Hub): string | null {
  const name = protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const text = proxies[name] ?? proxies[name.toLowerCase()] ?? ''
  return URL.canParse(text) ? new URL(text).host : null
}

/** Reads seconds or a date; undefined where there is neither. */
export function retryAfterMsOf(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  const seconds = Number(header)
  const ms = Number.isNaN(seconds) ? Date.parse(header) - now : seconds * 1000
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
