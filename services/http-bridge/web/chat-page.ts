/**
 * How the built chat page is sent: by the bridge, and by `examples/web-chat/serve.ts`.
 *
 * The page shows what a model wrote, so it is sent with a policy under which nothing of it can run:
 * no script, style, image or connection but its own origin's, and HTML only from its sanitiser.
 * https://www.w3.org/TR/CSP3/, https://www.w3.org/TR/trusted-types/
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply } from 'fastify'

/** Where `npm run build:page` puts it. */
export const CHAT_PAGE_FOLDER = join(import.meta.dirname, '../../../web/chat/dist')

const POLICY = [
  "default-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "object-src 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types dompurify'
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY'
}
/** Files under assets/ have a digest of their content in the name. */
const FOREVER = 'public, max-age=31536000, immutable'
/** Asked for each time, and answered 304 while nothing has changed. */
const REVALIDATE = 'no-cache'

export interface ChatPage {
  /** The page itself, as the answer of a route. */
  send(reply: FastifyReply): FastifyReply
}

/** Whether the page has been built. */
export const hasChatPage = (folder = CHAT_PAGE_FOLDER): boolean =>
  existsSync(join(folder, 'index.html'))

/** Adds the routes of the page's files; null when it has not been built. */
export async function serveChatPage(
  app: FastifyInstance,
  folder = CHAT_PAGE_FOLDER
): Promise<ChatPage | null> {
  if (!hasChatPage(folder)) return null
  await app.register(fastifyStatic, {
    root: folder,
    serve: false,
    preCompressed: true,
    cacheControl: false,
    setHeaders: (reply, path) => {
      reply.headers(HEADERS)
      reply.header('cache-control', path.includes('/assets/') ? FOREVER : REVALIDATE)
    }
  })
  const schema = { hide: true }
  app.get<{ Params: { name: string } }>('/assets/:name', { schema }, async ({ params }, reply) =>
    reply.sendFile(`assets/${params.name}`)
  )
  for (const name of ['favicon.svg', 'theme.js']) {
    app.get(`/${name}`, { schema }, async (_request, reply) => reply.sendFile(name))
  }
  return { send: (reply) => reply.sendFile('index.html') }
}
