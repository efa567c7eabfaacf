/**
 * Lets pages of other origins ask, where the operator has named them (`CORS_ORIGINS`). A page that
 * somebody else has written acts for whoever looks at it, so it needs a token in any case; cookies
 * are never taken.
 * https://fetch.spec.whatwg.org/#http-cors-protocol
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'

/** How long a browser may keep the answer to a preflight. */
const MAX_AGE_S = 600
/** Names of headers that a preflight asks for. */
const ASKED_CHARACTERS_MAX = 1024

/** What a page may read beside the headers that every page may. */
const EXPOSED = [
  'x-request-id',
  'retry-after',
  'x-ratelimit-limit-requests',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-remaining-tokens',
  'x-ratelimit-reset-requests',
  'x-ratelimit-reset-tokens',
  'x-haif-worker',
  'x-haif-attempts',
  'x-haif-queue-ms',
  'x-haif-prefill-ms',
  'x-haif-skipped-tools'
].join(', ')

export class Cors {
  readonly #origins: ReadonlySet<string>
  readonly #schemes: readonly string[]

  /** Origins as browsers send them, or schemes such as `app://` for all origins that have them. */
  constructor(allowed: readonly string[] = []) {
    this.#origins = new Set(allowed)
    this.#schemes = allowed.filter((one) => one.endsWith('://'))
  }

  /** True for the origin of another place that was named. */
  allows(origin: string | undefined): origin is string {
    if (origin === undefined) return false
    return this.#origins.has(origin) || this.#schemes.some((scheme) => origin.startsWith(scheme))
  }

  /** Whether a browser asks for a page of another place, and not for one of ours. */
  isForeign({ origin, host }: IncomingHttpHeaders): boolean {
    return this.allows(origin) && origin !== `http://${host}` && origin !== `https://${host}`
  }
}

/** Must be called before routes are added. */
export function answerOrigins(app: FastifyInstance, cors: Cors): void {
  app.addHook('onRequest', async ({ headers, method }, reply) => {
    reply.raw.setHeader('vary', 'origin')
    if (!cors.allows(headers.origin)) return undefined
    reply.raw.setHeader('access-control-allow-origin', headers.origin)
    reply.raw.setHeader('access-control-expose-headers', EXPOSED)
    const wanted = headers['access-control-request-method']
    if (method !== 'OPTIONS' || wanted === undefined) return undefined
    allow(reply.raw, headers, wanted)
    return reply.code(204).send()
  })
}

function allow(response: ServerResponse, headers: IncomingHttpHeaders, method: string): void {
  const names = headers['access-control-request-headers'] ?? ''
  response.setHeader('access-control-max-age', MAX_AGE_S)
  if (METHODS.has(method)) response.setHeader('access-control-allow-methods', method)
  if (NAMES.test(names)) response.setHeader('access-control-allow-headers', names)
  // Chromium asks this of a page of the internet that wants to reach a machine at home.
  if (headers['access-control-request-private-network'] === 'true') {
    response.setHeader('access-control-allow-private-network', 'true')
  }
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
const NAMES = new RegExp(`^[\\w ,-]{1,${ASKED_CHARACTERS_MAX}}$`)
