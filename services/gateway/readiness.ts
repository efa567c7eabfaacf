/** What a gateway says of itself: whether a request would be answered, and what else is wrong. */
import { orchestratorReady, type Readiness } from '#shared/contracts/peers/peers.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { ServerContext } from '#shared/rpc/router.ts'

/** As many as a report may have. */
const WARNINGS_MAX = 16

/** Each once; no field at all while all is well. */
export function warned(warnings: readonly string[]): { warnings?: string[] } {
  const each = [...new Set(warnings)].slice(0, WARNINGS_MAX)
  return each.length === 0 ? {} : { warnings: each }
}

export async function readinessOf(
  orchestrators: PeerPool,
  warnings: readonly string[],
  context: ServerContext
): Promise<Readiness> {
  if (orchestrators.size === 0) {
    return { ready: false, reason: 'no orchestrator is connected', ...warned(warnings) }
  }
  const {
    warnings: theirs = [],
    defaultModel: _default,
    ...ready
  } = await orchestrators.call(orchestratorReady, {}, context)
  return { ...ready, ...warned([...warnings, ...theirs]) }
}
