/** What a peer does in the mesh. */
import { Type, type Static } from 'typebox'

export const PeerRole = Type.Union([
  Type.Literal('gateway'),
  Type.Literal('orchestrator'),
  Type.Literal('registry'),
  Type.Literal('worker'),
  Type.Literal('bridge'),
  Type.Literal('client')
])
export type PeerRole = Static<typeof PeerRole>

/**
 * Roles that others look for, and so the only ones that listen and announce themselves. A worker
 * dials out to orchestrators and registries and needs nothing inbound; a bridge and a client too.
 */
const LISTENING_ROLES = ['gateway', 'orchestrator', 'registry', 'relay'] as const
export type ListeningRole = (typeof LISTENING_ROLES)[number]

export const isListeningRole = (role: string): role is ListeningRole =>
  (LISTENING_ROLES as readonly string[]).includes(role)
