/** Answers `OPTIONS` with the methods of an address. Browsers get no CORS headers: it is off. */
import type { FastifyInstance } from 'fastify'

/** Must be called before routes are added: it sees only those that come after it. */
export function tellAllowedMethods(app: FastifyInstance): void {
  const methods = new Map<string, Set<string>>() // one entry for each route
  app.addHook('onRoute', ({ url, method }) => {
    const all = [method].flat().filter((name) => name !== 'OPTIONS')
    if (all.length === 0) return
    const known = methods.get(url)
    for (const name of all) known?.add(name)
    if (known !== undefined) return
    const allowed = new Set(all)
    methods.set(url, allowed)
    app.options(url, { schema: { hide: true } }, async (_request, reply) =>
      reply
        .code(204)
        .header('allow', [...allowed, 'OPTIONS'].join(', '))
        .send()
    )
  })
}
