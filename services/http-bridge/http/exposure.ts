/** Decides whether other machines can reach the bridge, and refuses where that is not safe. */
import { isIPv4, isIPv6 } from 'node:net'
import { accessState } from '#shared/contracts/access/access.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { createContext } from '#shared/rpc/context.ts'

/** A gateway that starts at the same time may take longer; then it refuses strangers itself. */
const ASK_MS_MAX = 8000

export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  if (isIPv4(host)) return host.startsWith('127.')
  return isIPv6(host) && (host === '::1' || /^::ffff:127\./i.test(host))
}

/**
 * Refuses to be open to everybody. When no gateway can be asked in time the bridge starts: it marks
 * every request as coming from beyond, and a gateway refuses those without a token.
 */
export async function assertGuarded(host: string, gateways: PeerPool, log: Logger): Promise<void> {
  using context = createContext({ timeoutMs: ASK_MS_MAX })
  try {
    const { tokensNeeded } = await gateways.call(accessState, {}, context)
    if (!tokensNeeded) throw unguarded(host)
  } catch (error) {
    if (error instanceof HaifError && error.code === 'CONFIG_INVALID') throw error
    log.warn({ code: toHaifError(error).code }, 'no gateway could say whether there are tokens yet')
  }
}

function unguarded(host: string): HaifError {
  return new HaifError(
    'CONFIG_INVALID',
    `with HOST=${host} anyone who reaches this machine could ask, as there are no tokens yet: ` +
      'start it without HOST, make one with "haif token create --tenant NAME", and start it ' +
      'again; or set HAIF_API_TOKENS; or give --allow-anonymous (HAIF_ALLOW_ANONYMOUS=1) ' +
      'if everybody may ask'
  )
}
