/**
 * The requests that wait for the mesh. Each lives as long as its HTTP response: a client that goes
 * away cancels it, and stopping lets it end for a while and then ends it.
 */
import { SpanKind } from '@opentelemetry/api'
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { HaifError, toHaifError } from '#shared/errors.ts'
import { Drain } from '#shared/kit/drain.ts'
import { within } from '#shared/kit/within.ts'
import type { LimitsState } from '#shared/contracts/access/limits.ts'
import { createContext, type OwnedContext, type Presented } from '#shared/rpc/context.ts'
import { newTraceparent, startSpan, traceparentOf } from '#shared/telemetry/spans.ts'
import { presentedBy } from '../http/credential.ts'
import type { Cors } from '../http/cors.ts'
import { setLimitHeaders } from '../http/limit-headers.ts'
import { readTraceparent } from '../http/request-headers.ts'

/** The time for error replies to be sent after the requests were ended. */
const FAREWELL_MS_MAX = 500

/** The context of a client's request. */
export interface ClientContext extends OwnedContext {
  /** Called with the caller's remaining limits, as soon as a gateway has reported them. */
  readonly onLimits: (limits: LimitsState) => void
}

interface Detached {
  context: ClientContext
  leave: (status: number) => void
}

export class RunningRequests {
  readonly #drain = new Drain<OwnedContext>() // bounded by the connections of the HTTP server
  readonly #fromBeyond: boolean
  readonly #cors: Pick<Cors, 'isForeign'>
  #cut = false

  /** `fromBeyond`: other machines can reach us, so that requests without a token are refused. */
  constructor({ fromBeyond, cors }: { fromBeyond: boolean; cors: Pick<Cors, 'isForeign'> }) {
    this.#fromBeyond = fromBeyond
    this.#cors = cors
  }

  get stopping(): boolean {
    return this.#drain.isDraining
  }

  /** Whether such a request is not served without a token, whatever the gateways have. */
  needsToken(headers: IncomingHttpHeaders): boolean {
    return this.#fromBeyond || this.#cors.isForeign(headers)
  }

  /** The credential of a client, as it goes to gateways. */
  presentedIn({ headers }: FastifyRequest): Presented {
    return presentedBy(headers, this.needsToken(headers))
  }

  /** Returns the context, with the client's credential, for every call that a request makes. */
  enter(request: FastifyRequest, reply: FastifyReply, timeoutMs: number): ClientContext {
    const { raw: response } = reply
    const onLimits = (limits: LimitsState) => setLimitHeaders(response, limits)
    const { context, leave } = this.#open(request, timeoutMs, onLimits)
    response.once('close', () => {
      if (!response.writableFinished) {
        context.abort(new HaifError('CANCELLED', 'the client went away'))
      }
      leave(response.statusCode)
    })
    return context
  }

  /** The same for work that goes on without its client, until `leave` is called with a status. */
  detach(request: FastifyRequest, timeoutMs: number): Detached {
    return this.#open(request, timeoutMs, () => {})
  }

  #open(request: FastifyRequest, timeoutMs: number, onLimits: ClientContext['onLimits']): Detached {
    const { id: requestId, method, url, headers } = request
    const given = readTraceparent(headers)
    const span = startSpan(`${method} ${url.split('?', 1)[0]}`, given, {
      kind: SpanKind.SERVER,
      attributes: { 'haif.request_id': requestId }
    })
    const traceparent = traceparentOf(span) ?? given ?? newTraceparent()
    const shows = this.presentedIn(request)
    const own = createContext({ requestId, traceparent, timeoutMs, shows })
    const context = Object.assign(own, { onLimits })
    const leaveDrain = this.#drain.enter(context)
    const leave = (status: number): void => {
      span.setAttribute('http.response.status_code', status).end()
      context[Symbol.dispose]()
      leaveDrain()
    }
    return { context, leave }
  }

  /**
   * The error for the client of a request. When the bridge stops, the mesh gets CANCELLED, because
   * no peer may try a request again that we no longer want, and the client gets the real reason.
   */
  reasonFor(error: unknown): unknown {
    return this.#cut && toHaifError(error).code === 'CANCELLED' ? shuttingDown() : error
  }

  /** Waits for the requests that run, and then ends the others with a clear error. */
  async drain(withinMs: number): Promise<void> {
    const drained = this.#drain.drain(withinMs, (context) => {
      this.#cut = true
      context.abort(new HaifError('CANCELLED', 'the bridge is stopping'))
    })
    await within(withinMs + FAREWELL_MS_MAX, drained)
  }
}

export function shuttingDown(): HaifError {
  return new HaifError('SHUTTING_DOWN', 'HAIF is stopping here; send the request again')
}
