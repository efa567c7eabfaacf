/** `GET /`: the chat page for a browser, and for anything else a text about this address. */
import type { FastifyInstance } from 'fastify'
import { serveWebPage } from '#shared/web-page.ts'

interface HomeDeps {
  version: string
  /** The folder of the built chat page; without one everybody gets the text. */
  page: string
}

export async function homeRoute(app: FastifyInstance, { version, page }: HomeDeps): Promise<void> {
  const chat = await serveWebPage(app, { folder: page })
  const schema = { hide: true }
  app.get('/', { schema }, async ({ headers }, reply) => {
    reply.header('vary', 'accept')
    if (chat !== null && headers.accept?.includes('text/html') === true) return chat.send(reply)
    return reply
      .type('text/plain; charset=utf-8')
      .send(text(version, addressOf(headers.host), chat !== null))
  })
}

const HOST = /^[A-Za-z0-9.:[\]-]{1,255}$/

/** The bridge's address as the reader knows it. */
function addressOf(host: string | undefined): string {
  return host !== undefined && HOST.test(host) ? host : 'localhost'
}

const text = (version: string, address: string, hasPage: boolean) => `HAIF ${version}
One private AI cloud from the machines you own.

${hasPage ? `Open http://${address}/ in a browser to chat, or ask from here:` : 'Ask it something:'}

  curl -N http://${address}/infer \\
    -H 'content-type: application/json' -H 'accept: text/event-stream' \\
    -d '{"prompt":"What is HAIF?"}'

  /v1/models      the models that can answer
  /readyz         whether a request would be answered now
  /metrics        measurements for Prometheus
  /openapi.json   every address, its body and its reply
`
