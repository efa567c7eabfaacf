/** `GET /`: what this is, for someone who opened the address. */
import type { FastifyInstance } from 'fastify'

export function homeRoute(app: FastifyInstance, { version }: { version: string }): void {
  const schema = { hide: true }
  app.get('/', { schema }, async (request, reply) =>
    reply.type('text/plain; charset=utf-8').send(page(version, addressOf(request.headers.host)))
  )
}

const HOST = /^[A-Za-z0-9.:[\]-]{1,255}$/

/** As the reader has it in front of them. */
function addressOf(host: string | undefined): string {
  return host !== undefined && HOST.test(host) ? host : 'localhost'
}

const page = (version: string, address: string) => `HAIF ${version}
One private AI cloud from the machines you own.

Ask it something:

  curl -N http://${address}/infer \\
    -H 'content-type: application/json' -H 'accept: text/event-stream' \\
    -d '{"prompt":"What is HAIF?"}'

  /v1/models      the models that can answer
  /readyz         whether a request would be answered now
  /metrics        measurements for Prometheus
  /openapi.json   every address, its body and its reply
`
