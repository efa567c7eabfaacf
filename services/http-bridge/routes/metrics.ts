/** `GET /metrics`: what Prometheus reads. */
import type { FastifyInstance } from 'fastify'
import type { Metrics } from '#shared/telemetry.ts'

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export function metricsRoute(app: FastifyInstance, metrics: Pick<Metrics, 'render'>): void {
  const schema = {
    tags: ['health'],
    summary: 'Measurements for Prometheus',
    produces: ['text/plain']
  }
  app.get('/metrics', { schema }, async (_request, reply) => {
    return reply.type(CONTENT_TYPE).send(await metrics.render())
  })
}
