/**
 * Every error of a request passes here once: it is logged, counted, and sent to the client in the
 * form of its API.
 */
import { HaifError } from '#shared/errors.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { causeOf } from '#shared/kit/reason-of.ts'
import type { Logger } from '#shared/process/log.ts'
import { errorReply } from './error-forms.ts'
import { publicMessage, retryAfter, translate, type FailedRequest } from './http/errors.ts'
import { setErrorHeaders } from './http/limit-headers.ts'
import type { BridgeMetrics } from './http/bridge-metrics.ts'
import type { RunningRequests } from './ask/running-requests.ts'

interface FailuresDeps {
  log: Logger
  counts: BridgeMetrics
  running: RunningRequests
}

export class Failures {
  readonly #deps: FailuresDeps

  constructor(deps: FailuresDeps) {
    this.#deps = deps
  }

  /** Answers for every error that a route, a parser or fastify itself throws. */
  handle(app: FastifyInstance): void {
    app.setErrorHandler((error, request, reply) => this.reply(error, request, reply))
    app.setNotFoundHandler((request, reply) => {
      const message = `there is no ${request.method} ${pathOf(request)}; see /openapi.json`
      return this.reply(new HaifError('NOT_FOUND', message), request, reply)
    })
  }

  /** Sends the error as an ordinary HTTP reply. */
  reply(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { error } = this.take(thrown, request)
    const seconds = retryAfter(error)
    if (seconds !== undefined) reply.header('retry-after', seconds)
    setErrorHeaders(reply.raw, error)
    // Fastify closes the connection after a body that it could not take, and a client that is still
    // sending would see a reset instead of the reply. Node reads the rest and drops it.
    if (reply.getHeader('connection') === 'close') reply.removeHeader('connection')
    const { status, body } = errorReply(error, request)
    return reply
      .code(status)
      .type('application/json; charset=utf-8')
      .serializer(JSON.stringify)
      .send(body)
  }

  /** Translates, logs and counts an error; the caller sends it to the client. */
  take(thrown: unknown, request: FastifyRequest): FailedRequest {
    const error = translate(this.#deps.running.reasonFor(thrown))
    this.#deps.counts.error(error.code)
    this.#write(error, request)
    return { error, requestId: request.id }
  }

  #write(error: HaifError, { id: requestId, method, routeOptions }: FastifyRequest): void {
    const { log } = this.#deps
    const { code } = error
    const event = { requestId, code, method, route: routeOptions.url }
    if (code === 'INTERNAL') log.warn({ ...event, err: error }, 'unexpected error')
    else if (error.httpStatus >= 500)
      log.warn({ ...event, cause: causeOf(error) }, publicMessage(error))
    else log.debug(event, publicMessage(error))
  }
}

const PATH_CHARACTERS_MAX = 128

/** The address without its query, which may hold anything. */
function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0]!.slice(0, PATH_CHARACTERS_MAX)
}
