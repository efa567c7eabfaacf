/**
 * What is passed on to the bridge, and nothing else. What a client sends may be a whole address,
 * and `..` may lead out of what is passed on, so both are resolved first, and the request goes to
 * the bridge whatever they say.
 */

/** The bridge's addresses that the page needs, and those that show that it is up. */
export const PASSED_ON = ['/infer', '/v1/*', '/health', '/healthz', '/readyz', '/openapi.json']

/** The path at the bridge, with its query; null where it is not passed on. */
export function passedPath(url: string, bridge: URL): string | null {
  if (!/^\/(?![/\\])/.test(url)) return null
  const { pathname, search, origin } = new URL(url, bridge.origin)
  if (origin !== bridge.origin) return null
  const isPassed = PASSED_ON.some((known) =>
    known.endsWith('*') ? pathname.startsWith(known.slice(0, -1)) : pathname === known
  )
  return isPassed ? pathname + search : null
}
