/** The HTTP application: its routes, and the rules for all of them. It does not listen. */
import type { IncomingHttpHeaders } from 'node:http'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { identify } from '#shared/contracts/access/access.ts'
import { HaifError } from '#shared/errors.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { Metrics } from '#shared/telemetry/metrics.ts'
import { answerOrigins, type Cors } from './http/cors.ts'
import { onClientError } from './http/client-error.ts'
import type { Failures } from './failures.ts'
import { functionRoutes } from './functions/function-routes.ts'
import { hasToken } from './http/credential.ts'
import { tellAllowedMethods } from './http/allowed-methods.ts'
import { acceptJsonOnly } from './http/json-body.ts'
import type { BridgeMetrics } from './http/bridge-metrics.ts'
import { describeRoutes } from './http/open-api.ts'
import { readRequestId } from './http/request-headers.ts'
import { countTokensRoute } from './anthropic/count-route.ts'
import { messagesRoute } from './anthropic/route.ts'
import { ollamaRoutes } from './ollama/routes.ts'
import { adminRoutes } from './operators/admin.ts'
import { eventsRoute } from './operators/events.ts'
import { memberRoutes } from './operators/members.ts'
import { operatingRoutes } from './operators/operating.ts'
import { settingRoutes } from './operators/settings.ts'
import { workerActRoutes } from './operators/worker-acts.ts'
import { chatCompletionsRoute } from './openai/chat/route.ts'
import { completionsRoute } from './openai/completions/route.ts'
import { embeddingsRoute } from './openai/embeddings/route.ts'
import { healthRoutes } from './operators/health.ts'
import { homeRoute, type Pages } from './web/home.ts'
import { inferRoute } from './infer/route.ts'
import { jobOperatorRoutes } from './jobs/operators.ts'
import { plannerRoute } from './jobs/planner.ts'
import { artifactRoute } from './jobs/artifacts.ts'
import { jobRoutes } from './jobs/routes.ts'
import { jobStreamRoute } from './jobs/stream.ts'
import { workerRoutes } from './jobs/workers.ts'
import { metricsRoute } from './operators/metrics.ts'
import { modelsRoute } from './openai/models/route.ts'
import { notOfferedRoutes } from './openai/not-offered.ts'
import { rerankRoute } from './openai/rerank/route.ts'
import { responsesRoutes } from './openai/responses/route.ts'
import { letLocalOperate, type LocalOperator } from './operators/local-operator.ts'
import { usageRoute } from './operators/usage.ts'
import { shuttingDown, type RunningRequests } from './ask/running-requests.ts'
import { validatorCompiler } from './http/validation.ts'

/** The time for a client to send a request; slower ones would hold connections for nothing. */
const RECEIVE_MS_MAX = 60_000
const HEADERS_MS_MAX = 10_000
/** How often Node looks for requests that are over these times; 30 s unless said. */
const LATE_MS = 5_000
/** Connections of all clients, idle ones too; more are closed as they come. */
const CONNECTIONS_MAX = 4096

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
  /** Present: whoever sits at this machine may operate the mesh while nobody needs a token. */
  localOperator?: { operator: LocalOperator; reached: () => readonly string[] }
  /** Which pages of other origins may ask. */
  cors: Cors
  /** Throws for a request that a page of somebody else has a browser send; null: nobody asks. */
  checkHost: ((headers: IncomingHttpHeaders) => void) | null
  /** Called with each address that the app answers. */
  onRoute?: (route: Route) => void
  pages: Pages
}

interface Route {
  method: string | string[]
  /** Has its parameters as `:id`. */
  url: string
}

/** Fastify's own compilers would cost a tenth of a second at the start, to be replaced by these. */
const compilersFactory = {
  buildValidator: () => validatorCompiler as never,
  buildSerializer: () => () => JSON.stringify // replies are made field by field here
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
    http: { headersTimeout: HEADERS_MS_MAX, connectionsCheckingInterval: LATE_MS },
    // Clients join a base with a slash at its end to a path that begins with one.
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
    schemaController: { compilersFactory },
    return503OnClosing: false, // its body would not be our error object
    forceCloseConnections: true
  })
  app.server.maxConnections = CONNECTIONS_MAX
  app.addHook('onRoute', ({ method, url }) => deps.onRoute?.({ method, url }))
  acceptJsonOnly(app, (request) => mayBeLarge(request, deps))
  failures.handle(app)
  counts.observeRequests(app)
  stampReplies(app, running)
  answerOrigins(app, deps.cors)
  guard(app, deps)
  if (deps.localOperator !== undefined) letLocalOperate(app, { ...deps, ...deps.localOperator })
  tellAllowedMethods(app)
  await describeRoutes(app, version)
  surfaces(app, deps)
  await homeRoute(app, { version, pages: deps.pages })
  return app
}

/** In the order of the description of the API. */
function surfaces(app: FastifyInstance, deps: AppDeps): void {
  inferRoute(app, deps)
  chatCompletionsRoute(app, deps)
  completionsRoute(app, deps)
  responsesRoutes(app, deps)
  embeddingsRoute(app, deps)
  rerankRoute(app, deps)
  notOfferedRoutes(app)
  messagesRoute(app, deps)
  countTokensRoute(app, deps)
  ollamaRoutes(app, deps)
  modelsRoute(app, deps)
  healthRoutes(app, deps)
  metricsRoute(app, deps)
  adminRoutes(app, deps)
  operatingRoutes(app, deps)
  memberRoutes(app, deps)
  settingRoutes(app, deps)
  workerActRoutes(app, deps)
  eventsRoute(app, deps)
  usageRoute(app, deps)
  jobRoutes(app, deps)
  jobStreamRoute(app, deps)
  artifactRoute(app, deps)
  jobOperatorRoutes(app, deps)
  plannerRoute(app, deps)
  workerRoutes(app, deps)
  functionRoutes(app, deps)
}

/**
 * Refuses before a body is read: pages of others, and from beyond this machine whoever shows no
 * token. Whether a token is right only a gateway knows; see `mayBeLarge`.
 */
function guard(app: FastifyInstance, { checkHost, running }: AppDeps): void {
  app.addHook('onRequest', async ({ headers }) => {
    checkHost?.(headers)
    if (!running.needsToken(headers) || !hasBody(headers) || hasToken(headers)) return
    throw new HaifError(
      'UNAUTHENTICATED',
      'this needs a token: send it as "Authorization: Bearer haif_…"'
    )
  })
}

const hasBody = (headers: IncomingHttpHeaders): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** A large body may come from whoever has a token, and from this machine where none is needed. */
async function mayBeLarge(
  request: FastifyRequest,
  { gateways, running, isExposed }: Pick<AppDeps, 'gateways' | 'running' | 'isExposed'>
): Promise<boolean> {
  const shows = running.presentedIn(request)
  using context = createContext({ requestId: request.id, timeoutMs: KNOW_MS_MAX, shows })
  const { tokenId } = await gateways.call(identify, { capability: 'infer' }, context)
  return tokenId !== undefined || !isExposed
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
