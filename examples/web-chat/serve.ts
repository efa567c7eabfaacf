/**
 * Serves the chat page from its own address, in front of a bridge somewhere else:
 *
 *   node examples/web-chat/serve.ts --bridge http://127.0.0.1:8080 --port 5173
 *
 * Settings: BRIDGE_URL, HOST, PORT; options come first. The page asks its own origin, and requests
 * for anything but the page's files are passed on, streams included; so the bridge needs no CORS.
 */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { pipeline } from 'node:stream/promises'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { fastify, type FastifyReply, type FastifyRequest } from 'fastify'
import { isOwnHost, nameIn } from '#shared/kit/host-name.ts'
import { builtPage, serveWebPage } from '#shared/web-page.ts'
import { PASSED_ON, passedPath } from './passed-path.ts'

/** Headers that belong to one connection, and not to the request. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'host', 'transfer-encoding', 'upgrade']
/** Headers about the page's own origin, which is this server's and not the bridge's. */
const OF_THE_PAGE = ['origin', 'referer', 'sec-fetch-site']
/** Names that other machines give this one; the page is otherwise shown to this machine only. */
const { HAIF_ALLOWED_HOSTS: ALLOWED_HOSTS = '' } = process.env

const { values } = parseArgs({
  options: {
    bridge: { type: 'string', default: process.env['BRIDGE_URL'] ?? 'http://127.0.0.1:8080' },
    host: { type: 'string', default: process.env['HOST'] ?? '127.0.0.1' },
    port: { type: 'string', default: process.env['PORT'] ?? '5173' }
  }
})
const bridge = new URL(values.bridge)
const app = fastify({ forceCloseConnections: true })
const isLocal = values.host === 'localhost' || values.host.startsWith('127.')
const names = {
  allowed: new Set(
    ALLOWED_HOSTS.split(/[\s,]+/)
      .filter(Boolean)
      .map(nameIn)
  ),
  inNetwork: !isLocal
}

// A page from elsewhere may have its name resolved to this server; it shall get nothing here.
app.addHook('onRequest', async ({ headers }, reply) => {
  const { host = '', origin } = headers
  const isOwn = origin === undefined || origin.replace(/^https?:\/\//, '') === host
  if (isOwn && isOwnHost(host, names)) return
  await reply.code(403).send({ error: { code: 'FORBIDDEN', message: 'not a name of this page' } })
})

app.removeAllContentTypeParsers()
app.addContentTypeParser('*', (_request, _body, done) => done(null)) // passed on as it comes
for (const url of PASSED_ON) {
  app.route({ method: ['GET', 'POST', 'DELETE'], url, handler: passOn })
}
const page = await serveWebPage(app, { folder: builtPage('chat') })
if (page === null) {
  console.error('the page has not been built; run "npm run build:page" first')
  process.exit(1)
}
app.get('/', async (_request, reply) => page.send(reply))

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void app.close())
const address = await app.listen({ host: values.host, port: Number(values.port) })
console.log(`chat page at ${address}, bridge ${bridge.href}`)

async function passOn({ raw, url }: FastifyRequest, reply: FastifyReply): Promise<void> {
  const path = passedPath(url, bridge)
  if (path === null) {
    reply.callNotFound()
    return
  }
  reply.hijack()
  const { raw: response } = reply
  const send = bridge.protocol === 'https:' ? httpsRequest : httpRequest
  const headers = Object.fromEntries(
    Object.entries(raw.headers).filter(
      ([name]) => !HOP_BY_HOP.includes(name) && !OF_THE_PAGE.includes(name)
    )
  )
  const { port } = bridge
  const hostname = bridge.hostname.replaceAll(/^\[|\]$/g, '') // an address of IPv6
  const upstream = send({ hostname, port, path, method: raw.method ?? 'GET', headers })
  response.once('close', () => upstream.destroy()) // a reader that leaves stops the answer
  upstream.once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    pipeline(answer, response).catch(() => response.destroy()) // the page sees that it broke off
  })
  upstream.once('error', (error) => {
    if (response.headersSent) return
    const message = `the bridge at ${bridge.href} cannot be reached (${error.message})`
    response.writeHead(502, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ error: { code: 'NO_PEER', message, request_id: '' } }))
  })
  raw.pipe(upstream)
}
