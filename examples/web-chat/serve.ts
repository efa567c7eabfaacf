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
import { builtPage, serveWebPage } from '#shared/web-page.ts'

/** The bridge's addresses that the page needs, and those that show that it is up. */
const PASSED_ON = ['/infer', '/v1/*', '/health', '/healthz', '/readyz', '/openapi.json']
/** Headers that belong to one connection, and not to the request. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'host', 'transfer-encoding', 'upgrade']

const { values } = parseArgs({
  options: {
    bridge: { type: 'string', default: process.env['BRIDGE_URL'] ?? 'http://127.0.0.1:8080' },
    host: { type: 'string', default: process.env['HOST'] ?? '127.0.0.1' },
    port: { type: 'string', default: process.env['PORT'] ?? '5173' }
  }
})
const bridge = new URL(values.bridge)
const app = fastify({ forceCloseConnections: true })

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
  reply.hijack()
  const { raw: response } = reply
  const send = bridge.protocol === 'https:' ? httpsRequest : httpRequest
  const headers = Object.fromEntries(
    Object.entries(raw.headers).filter(([name]) => !HOP_BY_HOP.includes(name))
  )
  const upstream = send(new URL(url, bridge), { method: raw.method ?? 'GET', headers })
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
