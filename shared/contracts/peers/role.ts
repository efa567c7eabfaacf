/** What a peer does in the mesh. */
import { Type, type Static } from 'typebox'

/** In the order of their bits in a certificate: new ones go to the end. */
export const ROLES = [
  'gateway',
  'orchestrator',
  'registry',
  'worker',
  'bridge',
  'client',
  'relay',
  'jobs'
] as const

export const PeerRole = Type.Enum(ROLES)
export type PeerRole = Static<typeof PeerRole>

/**
 * Roles that others look for, and so the only ones that listen and announce themselves. A worker
 * dials out to orchestrators, jobs services and registries, and needs nothing inbound; a bridge and
 * a client too.
 */
export const LISTENING_ROLES = ['gateway', 'orchestrator', 'registry', 'relay', 'jobs'] as const
export type ListeningRole = (typeof LISTENING_ROLES)[number]

export const isListeningRole = (role: string): role is ListeningRole =>
  (LISTENING_ROLES as readonly string[]).includes(role)
