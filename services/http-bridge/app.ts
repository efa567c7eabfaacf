/** The HTTP application: its routes, and the rules for all of them. It does not listen. */
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { identify } from '#shared/contracts/access/access.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { Metrics } from '#shared/telemetry/metrics.ts'
import { BODY_BYTES_MAX, bodyTooLarge } from './http/body-bytes.ts'
import { onClientError } from './http/client-error.ts'
import type { Failures } from './failures.ts'
import { tellAllowedMethods } from './http/allowed-methods.ts'
import { acceptJsonOnly } from './http/json-body.ts'
import type { BridgeMetrics } from './http/bridge-metrics.ts'
import { describeRoutes } from './http/open-api.ts'
import { readRequestId } from './http/request-headers.ts'
import { adminRoutes } from './operators/admin.ts'
import { chatCompletionsRoute } from './openai/chat/route.ts'
import { completionsRoute } from './openai/completions/route.ts'
import { embeddingsRoute } from './openai/embeddings/route.ts'
import { healthRoutes } from './operators/health.ts'
import { homeRoute } from './web/home.ts'
import { inferRoute } from './infer/route.ts'
import { metricsRoute } from './operators/metrics.ts'
import { modelsRoute } from './openai/models/route.ts'
import { responsesRoutes } from './openai/responses/route.ts'
import { usageRoute } from './operators/usage.ts'
import { shuttingDown, type RunningRequests } from './ask/running-requests.ts'
import { ResponseStore } from './openai/responses/store.ts'
import { validatorCompiler } from './http/validation.ts'

/** The time for a client to send a request; slower ones would hold connections for nothing. */
const RECEIVE_MS_MAX = 60_000

/** The time for a gateway to say whose body it is. */
const KNOW_MS_MAX = 5_000

interface AppDeps {
  gateways: PeerPool
  running: RunningRequests
  failures: Failures
  counts: BridgeMetrics
  metrics: Pick<Metrics, 'render'>
  version: string
  timeoutMsMax: number
  keepAliveMs: number
  /** True when other machines can reach the bridge. */
  isExposed: boolean
  /** Called with each address that the app answers. */
  onRoute?: (route: Route) => void
  /** The folder of the built chat page. */
  page: string
}

interface Route {
  method: string | string[]
  /** Has its parameters as `:id`. */
  url: string
}

export async function createApp(deps: AppDeps): Promise<FastifyInstance> {
  const { failures, counts, running, version } = deps
  const app = fastify({
    genReqId: ({ headers }) => readRequestId(headers),
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      reply.raw.setHeader('x-request-id', request.id) // no hook runs for these
      failures.reply(error, request, reply)
    },
    clientErrorHandler: onClientError,
    requestTimeout: RECEIVE_MS_MAX,
    // Clients join a base with a slash at its end to a path that begins with one.
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
    return503OnClosing: false, // its body would not be our error object
    forceCloseConnections: true
  })
  app.addHook('onRoute', ({ method, url }) => deps.onRoute?.({ method, url }))
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(() => JSON.stringify) // replies are made field by field here
  acceptJsonOnly(app, (request) => assertKnown(request, deps))
  failures.handle(app)
  counts.observeRequests(app)
  stampReplies(app, running)
  tellAllowedMethods(app)
  await describeRoutes(app, version)
  inferRoute(app, deps)
  chatCompletionsRoute(app, deps)
  completionsRoute(app, deps)
  responsesRoutes(app, { ...deps, responses: new ResponseStore({ now: () => Date.now() }) })
  embeddingsRoute(app, deps)
  modelsRoute(app, deps)
  healthRoutes(app, deps)
  metricsRoute(app, deps)
  adminRoutes(app, deps)
  usageRoute(app, deps)
  await homeRoute(app, { version, page: deps.page })
  return app
}

/** Lets a large body in from whoever has a token, and from this machine where none is needed. */
async function assertKnown(
  request: FastifyRequest,
  { gateways, running, isExposed }: Pick<AppDeps, 'gateways' | 'running' | 'isExposed'>
): Promise<void> {
  const shows = running.presentedIn(request)
  using context = createContext({ requestId: request.id, timeoutMs: KNOW_MS_MAX, shows })
  const { tokenId } = await gateways.call(identify, { capability: 'infer' }, context)
  if (tokenId === undefined && isExposed) throw bodyTooLarge(BODY_BYTES_MAX)
}

/** Headers are set on the raw response, so that streams, which bypass fastify, have them too. */
function stampReplies(app: FastifyInstance, running: RunningRequests): void {
  app.addHook('onRequest', (request, { raw }, done) => {
    raw.setHeader('x-request-id', request.id)
    raw.on('error', () => {}) // the client went away during a write; `close` handles it
    if (running.stopping) raw.setHeader('connection', 'close')
    if (running.stopping && !isAboutTheBridge(request)) done(shuttingDown())
    else done()
  })
}

const isAboutTheBridge = ({ routeOptions }: FastifyRequest): boolean =>
  ['/health', '/healthz', '/readyz', '/metrics'].includes(routeOptions.url ?? '')
