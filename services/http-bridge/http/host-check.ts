/**
 * Refuses what a browser sends for a page of somebody else, where whoever reaches the bridge may
 * ask: by a foreign name (DNS rebinding), or from a foreign origin. A page cannot have a token, so
 * where one is needed nothing has to be looked at.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { hostname } from 'node:os'
import type { Cors } from './cors.ts'
import { HaifError } from '#shared/errors.ts'
import { isOwnHost, nameIn } from '#shared/kit/host-name.ts'

const SHOWN_CHARACTERS_MAX = 128

interface HostRules {
  /** `HAIF_ALLOWED_HOSTS`: names under which a proxy or a tunnel shows the bridge. */
  allowedHosts: readonly string[]
  /** True when other machines can reach the bridge. */
  isExposed: boolean
  /** Pages of other origins that may ask. */
  cors?: Pick<Cors, 'allows'>
}

/** Returns a check that throws FORBIDDEN. */
export function hostCheck({ allowedHosts, isExposed, cors }: HostRules) {
  const allowed = new Set([...allowedHosts, hostname()].map((name) => nameIn(name)))
  const names = { allowed, inNetwork: isExposed }
  return ({ host = '', origin }: IncomingHttpHeaders): void => {
    if (!isOwnHost(host, names)) throw foreign('Host', host)
    if (origin === undefined || isFriendly(origin, host, allowed)) return
    if (cors?.allows(origin) === true) return
    throw foreign('Origin', origin)
  }
}

/** Pages of the web have an origin of http or https, or none (`null`); programs have others. */
function isFriendly(origin: string, host: string, allowed: ReadonlySet<string>): boolean {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(origin) ?? []
  if (scheme === undefined) return false
  if (!/^https?$/i.test(scheme)) return true
  return rest.toLowerCase() === host.toLowerCase() || allowed.has(nameIn(rest))
}

const SETTINGS = { Host: 'HAIF_ALLOWED_HOSTS', Origin: 'HAIF_ALLOWED_HOSTS or CORS_ORIGINS' }

const foreign = (header: keyof typeof SETTINGS, value: string): HaifError =>
  new HaifError(
    'FORBIDDEN',
    `${header} is ${JSON.stringify(value.slice(0, SHOWN_CHARACTERS_MAX))}, which is not a ` +
      `name of this machine; if it is yours, add it to ${SETTINGS[header]}`
  )
