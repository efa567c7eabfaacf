/** Who asks whom, by role. Default deny: a contract names everybody that may use it. */
import type { Parties } from '#shared/rpc/parties.ts'
import type { PeerRole } from './role.ts'

export const between = (from: readonly PeerRole[], to: readonly PeerRole[]): Parties => ({
  from,
  to
})

/** What people and programs ask, through a bridge or the command line, with what they show. */
export const FROM_CALLERS: Parties = {
  ...between(['bridge', 'client'], ['gateway']),
  withCredential: true
}

export const FROM_GATEWAYS = between(['gateway'], ['orchestrator'])
export const FROM_ORCHESTRATORS = between(['orchestrator'], ['worker'])
export const FROM_JOBS = between(['jobs'], ['worker'])
