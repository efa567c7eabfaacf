/** What the bridge counts. Labels have few values: a route is its pattern, never an address. */
import type { Meter } from '@opentelemetry/api'
import type { FastifyInstance } from 'fastify'
import type { Usage } from '#shared/contracts/inference.ts'
import type { ErrorCode } from '#shared/errors.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'

const CLIENT_GONE = 499
const NO_ROUTE = 'none'

/** An answer may take minutes. */
const DURATION_SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600
]
/** As in OpenTelemetry's conventions for generative AI. */
const FIRST_TOKEN_SECONDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10
]

export class BridgeMetrics {
  readonly #meter: Meter
  readonly #errors
  readonly #firstToken
  readonly #tokens

  constructor(meter: Meter) {
    this.#meter = meter
    this.#errors = meter.createCounter('haif_errors_total', {
      description: 'Errors told to clients, by code'
    })
    this.#firstToken = meter.createHistogram('haif_time_to_first_token_seconds', {
      description: 'From a read request to its first token',
      advice: { explicitBucketBoundaries: FIRST_TOKEN_SECONDS }
    })
    this.#tokens = meter.createCounter('haif_tokens_total', {
      description: 'Tokens of finished requests: prompt (cached ones included), cached, completion'
    })
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

  /** Counts every request of the app, hijacked and broken off ones too. */
  observeRequests(app: FastifyInstance): void {
    const requests = this.#meter.createCounter('haif_http_requests_total', {
      description: 'HTTP requests that have ended; status 499: the client went away'
    })
    const durations = this.#meter.createHistogram('haif_http_request_duration_seconds', {
      description: 'From the headers of a request to the end of its reply',
      advice: { explicitBucketBoundaries: DURATION_SECONDS }
    })
    const inFlight = this.#meter.createUpDownCounter('haif_http_requests_in_flight', {
      description: 'HTTP requests that have not ended'
    })
    app.addHook('onRequest', async (request, { raw }) => {
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
    })
  }

  /** How many peers of each role this bridge is connected to. */
  observePeers(mesh: Mesh): void {
    const gauge = this.#meter.createObservableGauge('haif_peers', {
      description: 'Peers with an open connection, by role'
    })
    gauge.addCallback((result) => {
      const counts = new Map([
        ['gateway', 0],
        ['registry', 0]
      ])
      for (const { peer } of mesh.links()) counts.set(peer.role, (counts.get(peer.role) ?? 0) + 1)
      for (const [role, count] of counts) result.observe(count, { role })
    })
  }
}
