/**
 * Serves a built page of `web/`: from the bridge, and from `examples/web-chat/serve.ts`.
 *
 * A page shows what a model wrote, so it is sent with a policy under which nothing of that can run:
 * no script, style, image or connection but its own origin's, and HTML only from its sanitiser.
 * https://www.w3.org/TR/CSP3/, https://www.w3.org/TR/trusted-types/
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply } from 'fastify'

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

interface WebPageOptions {
  /** The built page: see `builtPage`. */
  folder: string
  /** The address under which its files are, with a slash at the end; `/` unless given. */
  path?: string
}

interface WebPage {
  /** Sends the page itself, as the answer of a route. */
  send(reply: FastifyReply): FastifyReply
}

/** The folder into which `npm run build:page` builds the page `web/NAME`. */
export const builtPage = (name: string): string => join(import.meta.dirname, '../web', name, 'dist')

export const isPageBuilt = (folder: string): boolean => existsSync(join(folder, 'index.html'))

/** Adds the routes of the page's files; returns null when the page has not been built. */
export async function serveWebPage(
  app: FastifyInstance,
  { folder, path = '/' }: WebPageOptions
): Promise<WebPage | null> {
  if (!isPageBuilt(folder)) return null
  await app.register(fastifyStatic, {
    root: folder,
    serve: false,
    decorateReply: !app.hasReplyDecorator('sendFile'), // the first page has done it for all
    preCompressed: true,
    cacheControl: false,
    setHeaders: (reply, file) => {
      reply.headers(HEADERS)
      reply.header('cache-control', file.includes('/assets/') ? FOREVER : REVALIDATE)
    }
  })
  const send = (reply: FastifyReply, name: string) => reply.sendFile(name, folder)
  const schema = { hide: true }
  app.get<{ Params: { name: string } }>(
    `${path}assets/:name`,
    { schema },
    async ({ params }, reply) => send(reply, `assets/${params.name}`)
  )
  for (const name of filesBeside(folder)) {
    app.get(path + name, { schema }, async (_request, reply) => send(reply, name))
  }
  return { send: (reply) => send(reply, 'index.html') }
}

/** The files that stand beside `index.html`: an icon, a script that runs before the first paint. */
const filesBeside = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !/^\.|^index\.html|\.(gz|br)$/.test(entry.name))
    .map(({ name }) => name)
