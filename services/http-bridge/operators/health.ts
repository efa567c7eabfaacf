/** Reports whether the bridge runs, and whether a request would be answered. */
import type { FastifyInstance } from 'fastify'
import { HealthReply, NotReadyReply, ReadyReply } from '#shared/contracts/http/health.ts'
import { gatewayReady, type Readiness } from '#shared/contracts/peers/peers.ts'
import { toHaifError } from '#shared/errors.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { createContext } from '#shared/rpc/context.ts'
import { publicMessage } from '../http/errors.ts'
import type { RunningRequests } from '../ask/running-requests.ts'

/** A gateway that takes longer than this would not answer a request soon either. */
const READY_MS_MAX = 2000

interface HealthDeps {
  gateways: PeerPool
  running: RunningRequests
  version: string
}

export function healthRoutes(app: FastifyInstance, deps: HealthDeps): void {
  const tags = ['health']
  for (const path of ['/health', '/healthz']) {
    const schema = { tags, summary: 'Whether the bridge runs', response: { 200: HealthReply } }
    app.get(path, { schema }, async (): Promise<HealthReply> => {
      return { status: 'ok', version: deps.version }
    })
  }
  const schema = {
    tags,
    summary: 'Whether a request would be answered now',
    response: { 200: ReadyReply, 503: NotReadyReply }
  }
  app.get('/readyz', { schema }, async (_request, reply): Promise<ReadyReply | NotReadyReply> => {
    const { ready, reason = 'no worker can answer', warnings = [] } = await readiness(deps)
    const beside = warnings.length === 0 ? {} : { warnings }
    if (ready) return { status: 'ready', ...beside }
    reply.code(503).header('retry-after', '1')
    return { status: 'not_ready', reason, ...beside }
  })
}

async function readiness({ gateways, running }: HealthDeps): Promise<Readiness> {
  if (running.stopping) return { ready: false, reason: 'HAIF is stopping here' }
  if (gateways.size === 0) return { ready: false, reason: 'no gateway can be reached' }
  using context = createContext({ timeoutMs: READY_MS_MAX })
  try {
    return await gateways.call(gatewayReady, {}, context)
  } catch (error) {
    return { ready: false, reason: publicMessage(toHaifError(error)) }
  }
}
