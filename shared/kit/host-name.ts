/**
 * Whether a name in `Host` can be one by which this machine is meant. A page of the internet may
 * have its own name resolved to an address of this machine (DNS rebinding); the browser then takes
 * us for the page's own server, but it still says the page's name.
 */
import { isIP } from 'node:net'

/** Endings that nobody on the internet can register: RFC 6761, 6762, 8375, and ICANN's list. */
const PRIVATE_ENDINGS = ['.localhost', '.local', '.internal', '.lan', '.home.arpa']

interface HostNames {
  /** Names that the operator allows beside those of the machine. */
  allowed: ReadonlySet<string>
  /** Other machines, or other containers, call this one by a name without a dot. */
  inNetwork: boolean
}

/** `host` as in the header: a name or an address, perhaps with a port. */
export function isOwnHost(host: string, { allowed, inNetwork }: HostNames): boolean {
  const name = nameIn(host)
  if (name === 'localhost' || isIP(name) !== 0 || allowed.has(name)) return true
  if (PRIVATE_ENDINGS.some((ending) => name.endsWith(ending))) return true
  return inNetwork && name !== '' && !name.includes('.')
}

/** The name without port, brackets and the dot of a name that is complete. */
export function nameIn(host: string): string {
  const name = /^\[(.*)\](:\d{1,5})?$/.exec(host)?.[1] ?? host.replace(/:\d{1,5}$/, '')
  return name.toLowerCase().replace(/\.$/, '')
}
