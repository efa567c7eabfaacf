/**
 * The two ends of a call or stream, by the roles of their certificates. A contract names them, and
 * whatever it does not name is refused: at the callee before anything of the request is looked at,
 * and at the caller before anything is sent.
 */
import { HaifError } from '#shared/errors.ts'
import type { PeerIdentity } from './peer-identity.ts'

export interface Parties {
  /** The roles that may ask. */
  readonly from: readonly string[]
  /** The roles that answer, so the only ones that get to see a request. */
  readonly to: readonly string[]
  /** Whether the caller's credential goes with it; it goes with nothing else. */
  readonly withCredential?: true
}

/** A contract, as far as it matters to who is at its ends. */
export interface NamedParties {
  readonly name: string
  readonly parties: Parties
}

export function isAllowedFrom({ from }: Parties, peer: PeerIdentity): boolean {
  return from.includes(peer.role)
}

/** The refusal for a caller whose role is not named. */
export function refused({ name, parties }: NamedParties, { role }: PeerIdentity): HaifError {
  return new HaifError(
    'FORBIDDEN',
    `a peer with the role ${role} may not call ${name}: that is for ${oneOf(parties.from)}`,
    { details: { method: name, role } }
  )
}

/** Whether the other end answers it. */
export function isMeantFor({ to }: Parties, peer: PeerIdentity): boolean {
  return to.includes(peer.role)
}

/** Throws where the other end is none of those that the request is meant for. */
export function assertMeantFor({ name, parties }: NamedParties, { role, key }: PeerIdentity): void {
  if (isMeantFor(parties, { role, key })) return
  throw new HaifError(
    'FORBIDDEN',
    `${name} was not sent: it is for ${oneOf(parties.to)}, and peer ${key.slice(0, 16)} has the role ${role}`,
    { details: { method: name, role } }
  )
}

const oneOf = (roles: readonly string[]): string => `the role ${roles.join(' or ')}`
