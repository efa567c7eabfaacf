/**
 * `GET /`: the chat page for a browser, and for anything else a text about this address.
 * `GET /console/`: the console; `GET /docs/`: the API.
 */
import type { FastifyInstance } from 'fastify'
import { serveWebPage } from '#shared/web-page.ts'

interface HomeDeps {
  version: string
  pages: Pages
}

/** The folders of the built pages; one that has not been built is not served. */
export interface Pages {
  chat: string
  console: string
  docs: string
}

export async function homeRoute(app: FastifyInstance, { version, pages }: HomeDeps): Promise<void> {
  const chat = await serveWebPage(app, { folder: pages.chat })
  const hasConsole = await pageRoute(app, 'console', pages.console)
  const hasDocs = await pageRoute(app, 'docs', pages.docs)
  const schema = { hide: true }
  app.get('/', { schema }, async ({ headers }, reply) => {
    reply.header('vary', 'accept')
    if (chat !== null && headers.accept?.includes('text/html') === true) return chat.send(reply)
    const address = addressOf(headers.host)
    return reply
      .type('text/plain; charset=utf-8')
      .send(text(version, address, { chat: chat !== null, console: hasConsole, docs: hasDocs }))
  })
}

/** Returns false when the page has not been built. */
async function pageRoute(app: FastifyInstance, name: string, folder: string): Promise<boolean> {
  const page = await serveWebPage(app, { folder, path: `/${name}/` })
  if (page === null) return false
  app.get(`/${name}`, { schema: { hide: true } }, async ({ url }, reply) => {
    // Its files are beside it, wherever a proxy puts it, so its address has to end with a slash.
    if (/^[^?]*\/(\?|$)/.test(url)) return page.send(reply)
    return reply.redirect(`${name}/`, 302)
  })
  return true
}

const HOST = /^[A-Za-z0-9.:[\]-]{1,255}$/

/** The bridge's address as the reader knows it. */
function addressOf(host: string | undefined): string {
  return host !== undefined && HOST.test(host) ? host : 'localhost'
}

const text = (
  version: string,
  address: string,
  has: Record<keyof Pages, boolean>
) => `HAIF ${version}
One private AI cloud from the machines you own.

${has.chat ? `Open http://${address}/ in a browser to chat, or ask from here:` : 'Ask it something:'}

  curl -N http://${address}/infer \\
    -H 'content-type: application/json' -H 'accept: text/event-stream' \\
    -d '{"prompt":"What is HAIF?"}'

${has.console ? '  /console        machines, models, requests and who uses what, in a browser\n' : ''}\
  /v1/models      the models that can answer
  /readyz         whether a request would be answered now
  /metrics        measurements for Prometheus
${has.docs ? '  /docs           every address, its body and its reply, in a browser\n' : ''}\
  /openapi.json   the same for programs
`
