/** Contracts of tests that are not about who may ask. */
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import type { Parties } from '#shared/rpc/parties.ts'

export const ROLES: PeerRole[] = [
  'gateway',
  'orchestrator',
  'registry',
  'worker',
  'bridge',
  'client'
]

export const ANYBODY: Parties = { from: ROLES, to: ROLES }
