/** `GET /metrics`: measurements for Prometheus. */
import type { FastifyInstance } from 'fastify'
import { identify } from '#shared/contracts/access/access.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { Metrics } from '#shared/telemetry/metrics.ts'
import type { RunningRequests } from '../ask/running-requests.ts'

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const ASK_MS_MAX = 5000

interface MetricsDeps {
  gateways: PeerPool
  running: RunningRequests
  metrics: Pick<Metrics, 'render'>
  /** True when other machines can reach the bridge. */
  isExposed: boolean
}

export function metricsRoute(app: FastifyInstance, deps: MetricsDeps): void {
  const { gateways, running, metrics, isExposed } = deps
  const schema = {
    tags: ['health'],
    summary: 'Measurements for Prometheus',
    description: 'Needs a token of scope `metrics` where other machines can reach the bridge.',
    produces: ['text/plain']
  }
  app.get('/metrics', { schema }, async (request, reply) => {
    if (isExposed) {
      const context = running.enter(request, reply, ASK_MS_MAX)
      await gateways.call(identify, { capability: 'metrics' }, context)
    }
    return reply.type(CONTENT_TYPE).send(await metrics.render())
  })
}
