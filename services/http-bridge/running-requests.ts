/**
 * The requests that wait for the mesh. Each lives as long as its HTTP response: a client that goes
 * away cancels it, and stopping lets it end for a while and then ends it.
 */
import type { ServerResponse } from 'node:http'
import { SpanKind } from '@opentelemetry/api'
import { HaifError, toHaifError } from '#shared/errors.ts'
import {
  createContext,
  type ContextOptions,
  type LimitsState,
  type OwnedContext,
  type Presented
} from '#shared/rpc/context.ts'
import { newTraceparent, startSpan, traceparentOf } from '#shared/telemetry/spans.ts'
import { setLimitHeaders } from './limit-headers.ts'

/** For error replies to be sent after the requests were ended. */
const FAREWELL_MS_MAX = 500

export class RunningRequests {
  readonly #contexts = new Set<OwnedContext>() // bounded by the connections of the HTTP server
  readonly #presented = new WeakMap<ServerResponse, Presented>()
  #stopping = false
  #cut = false
  #onEmpty: (() => void) | null = null

  get stopping(): boolean {
    return this.#stopping
  }

  /** What the client of that response has shown, to be passed on with everything that it asks. */
  present(response: ServerResponse, presented: Presented): void {
    this.#presented.set(response, presented)
  }

  enter(response: ServerResponse, options: ContextOptions): OwnedContext {
    const { method = '', url = '' } = response.req ?? {}
    const span = startSpan(`${method} ${url.split('?', 1)[0]}`, options.traceparent, {
      kind: SpanKind.SERVER,
      attributes: { 'haif.request_id': options.requestId ?? '' }
    })
    const traceparent = traceparentOf(span) ?? options.traceparent ?? newTraceparent()
    const shows = this.#presented.get(response)
    const onLimits = (limits: LimitsState) => setLimitHeaders(response, limits)
    const context = createContext({ shows, onLimits, ...options, traceparent })
    this.#contexts.add(context)
    response.once('close', () => {
      if (!response.writableFinished) {
        context.abort(new HaifError('CANCELLED', 'the client went away'))
      }
      span.setAttribute('http.response.status_code', response.statusCode).end()
      context[Symbol.dispose]()
      this.#contexts.delete(context)
      if (this.#contexts.size === 0) this.#onEmpty?.()
    })
    return context
  }

  /**
   * Why a request failed, as its client should hear it. The mesh was told CANCELLED, because another
   * peer must not try a request that we no longer want.
   */
  reasonFor(error: unknown): unknown {
    return this.#cut && toHaifError(error).code === 'CANCELLED' ? shuttingDown() : error
  }

  /** Waits for what runs, and ends with a clear error what has not ended by then. */
  async drain(withinMs: number): Promise<void> {
    this.#stopping = true
    if (this.#contexts.size === 0) return
    const { promise: empty, resolve } = Promise.withResolvers<void>()
    this.#onEmpty = resolve
    const cut = setTimeout(() => this.#cutAll(), withinMs)
    const giveUp = setTimeout(resolve, withinMs + FAREWELL_MS_MAX)
    await empty
    clearTimeout(cut)
    clearTimeout(giveUp)
  }

  #cutAll(): void {
    this.#cut = true
    for (const context of this.#contexts) {
      context.abort(new HaifError('CANCELLED', 'the bridge is stopping'))
    }
  }
}

export function shuttingDown(): HaifError {
  return new HaifError('SHUTTING_DOWN', 'HAIF is stopping here; send the request again')
}
