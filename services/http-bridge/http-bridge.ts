/** The HTTP edge of the mesh. It translates between HTTP and the gateways, and decides nothing. */
import type { FastifyInstance } from 'fastify'
import type { PeerReport } from '#shared/contracts/peers/peers.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { observeMesh } from '#shared/mesh/observe-mesh.ts'
import { PeerPool } from '#shared/mesh/peer-pool.ts'
import { Reporter } from '#shared/mesh/reporter.ts'
import { Router } from '#shared/rpc/router.ts'
import type { Metrics } from '#shared/telemetry/metrics.ts'
import { builtPage } from '#shared/web-page.ts'
import { createApp } from './app.ts'
import { REQUEST_TIMEOUT_MS } from './config.ts'
import { Cors } from './http/cors.ts'
import { assertGuarded, isLoopback } from './http/exposure.ts'
import type { LocalOperator } from './operators/local-operator.ts'
import { hostCheck } from './http/host-check.ts'
import { Failures } from './failures.ts'
import { listen, listenToo, OLLAMA_PORT, urlOf } from './http/listen.ts'
import { BridgeMetrics } from './http/bridge-metrics.ts'
import { RunningRequests } from './ask/running-requests.ts'
import { KEEP_ALIVE_MS } from './http/stream/stream-writer.ts'

/** The time that `stop` gives to running requests, and what it needs to close after that. */
const DRAIN_MS = 2000
const CLOSE_MS_MAX = 1000

export interface HttpBridgeDeps {
  join: JoinMesh
  /** The bridge's report about itself. */
  self: PeerReport
  host: string
  /** 0 takes any free port. */
  port: number
  /** A second port, for programs that know only Ollama's; 0 or absent: none. */
  ollamaPort?: number
  metrics: Metrics
  log: Logger
  /** The longest time that a request may take. */
  requestTimeoutMs?: number
  drainMs?: number
  /** The time that a request waits for the only gateway to come back. */
  returnMs?: number
  /** The silence after which a stream gets a comment. */
  keepAliveMs?: number
  /** Names under which a proxy or a tunnel shows the bridge to browsers. */
  allowedHosts?: readonly string[]
  /** Pages of other origins that may ask, with a token. */
  corsOrigins?: readonly string[]
  /** Lets everybody who reaches the bridge ask, from other machines too. */
  allowAnonymous?: boolean
  /** Lets whoever sits at this machine operate the mesh, as long as nobody needs a token. */
  localOperator?: LocalOperator
}

export interface HttpBridge extends Service {
  /** The address for clients on this machine; valid after `start`. */
  readonly url: string
  /** Every address that it answers, such as `GET /health`; valid after `start`. */
  readonly routes: readonly string[]
}

/** None where other machines can reach the bridge. */
function localOperatorOf({ host, localOperator: operator }: HttpBridgeDeps, mesh: Mesh) {
  if (operator === undefined || !isLoopback(host)) return {}
  const reached = () => mesh.links('gateway').map(({ peer }) => peer.key)
  return { localOperator: { operator, reached } }
}

export function createHttpBridge(deps: HttpBridgeDeps): HttpBridge {
  const { self, host, port, ollamaPort = 0, log, drainMs = DRAIN_MS, allowedHosts = [] } = deps
  const cors = new Cors(deps.corsOrigins)
  const mesh = deps.join(new Router())
  observeMesh(mesh, ['gateway', 'registry'])
  const gateways = new PeerPool(mesh, 'gateway', { returnMs: deps.returnMs })
  const reporter = new Reporter({ mesh, to: ['registry'], describe: () => self, log })
  const counts = new BridgeMetrics(deps.metrics.meter)
  const isExposed = !isLoopback(host)
  const fromBeyond = isExposed && deps.allowAnonymous !== true
  const running = new RunningRequests({ fromBeyond, cors })
  const failures = new Failures({ log, counts, running })
  const routes: string[] = []
  let app: FastifyInstance | null = null

  return {
    routes,
    get url() {
      if (app === null) throw new Error('the bridge has not started')
      return urlOf(app.server.address(), host)
    },
    async start() {
      app = await createApp({
        gateways,
        running,
        failures,
        counts,
        metrics: deps.metrics,
        version: self.version,
        timeoutMsMax: deps.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
        keepAliveMs: deps.keepAliveMs ?? KEEP_ALIVE_MS,
        onRoute: ({ method, url }) =>
          routes.push(...[method].flat().map((each) => `${each} ${url}`)),
        isExposed,
        ...localOperatorOf(deps, mesh),
        cors,
        // Where a token is needed from everybody, a page of somebody else gets nothing anyway.
        checkHost: fromBeyond ? null : hostCheck({ allowedHosts, isExposed, cors }),
        pages: { chat: builtPage('chat'), console: builtPage('console'), docs: builtPage('docs') }
      })
      await listen(app, { host, port }) // first, because a taken port is the likeliest failure
      if (ollamaPort !== 0) await listenToo(app, { host, port: ollamaPort, setting: OLLAMA_PORT })
      await mesh.start()
      mesh.follow('gateway')
      mesh.follow('registry')
      if (fromBeyond) await assertGuarded(host, gateways, log)
      reporter.start()
      log.info({ peer: mesh.key, url: this.url }, 'http bridge is up')
    },
    health: () =>
      gateways.size > 0 ? { ready: true } : { ready: false, reason: 'no gateway is connected' },
    stopMsMax: drainMs + CLOSE_MS_MAX,
    async stop() {
      await running.drain(drainMs)
      reporter.stop()
      await app?.close()
      await mesh.stop()
    }
  }
}
