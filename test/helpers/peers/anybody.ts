/** Contracts of tests that are not about who may ask. */
import { ROLES } from '#shared/contracts/peers/role.ts'
import type { Parties } from '#shared/rpc/parties.ts'

export const ANYBODY: Parties = { from: ROLES, to: ROLES }
