/** The bridge's metrics. Labels have few values: a route is its pattern, never an address. */
import type { Meter } from '@opentelemetry/api'
import type { FastifyInstance } from 'fastify'
import type { Usage } from '#shared/contracts/inference/answer.ts'
import type { ErrorCode } from '#shared/errors.ts'
import { counter, histogram, upDownCounter } from '#shared/telemetry/instruments.ts'

const CLIENT_GONE = 499
const NO_ROUTE = 'none'

export class BridgeMetrics {
  readonly #meter: Meter
  readonly #errors
  readonly #firstToken
  readonly #tokens

  constructor(meter: Meter) {
    this.#meter = meter
    this.#errors = counter('haif_errors_total', meter)
    this.#firstToken = histogram('haif_time_to_first_token_seconds', meter)
    this.#tokens = counter('haif_tokens_total', meter)
  }

  error(code: ErrorCode): void {
    this.#errors.add(1, { code })
  }

  firstToken(seconds: number): void {
    this.#firstToken.record(seconds)
  }

  tokens({ promptTokens, cachedPromptTokens, completionTokens }: Usage): void {
    this.#tokens.add(promptTokens, { kind: 'prompt' })
    this.#tokens.add(cachedPromptTokens, { kind: 'cached' })
    this.#tokens.add(completionTokens, { kind: 'completion' })
  }

  /** Counts every request of the app, hijacked and broken-off ones too. */
  observeRequests(app: FastifyInstance): void {
    const requests = counter('haif_http_requests_total', this.#meter)
    const durations = histogram('haif_http_request_duration_seconds', this.#meter)
    const inFlight = upDownCounter('haif_http_requests_in_flight', this.#meter)
    app.addHook('onRequest', (request, { raw }, done) => {
      const startedAt = performance.now()
      inFlight.add(1)
      raw.once('close', () => {
        inFlight.add(-1)
        const { method, routeOptions } = request
        const route = routeOptions.url ?? NO_ROUTE
        const status = String(raw.writableFinished ? raw.statusCode : CLIENT_GONE)
        requests.add(1, { route, method, status })
        durations.record((performance.now() - startedAt) / 1000, { route, method, status })
      })
      done()
    })
  }
}
