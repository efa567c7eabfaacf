/**
 * What comes of an invite that a machine shows: it is let in, it waits for a person, or it is
 * refused with the reason. Nothing here reads or writes; the store holds the rows still meanwhile.
 */
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { HaifError, type ErrorCode } from '#shared/errors.ts'

export interface InviteRow {
  secret_hash: string
  id: string
  roles: PeerRole[]
  name: string | null
  /** Null: any number. */
  uses_max: number | null
  uses: number
  approve: boolean
  created_by: string
  created_at: Date
  expires_at: Date | null
  removed_at: Date | null
}

export type MemberState = 'waiting' | 'member' | 'refused' | 'revoked'

export interface MemberRow {
  id: number
  name: string
  roles: PeerRole[]
  host: string
  state: MemberState
  secret_hash: string
  joined_at: Date
  decided_by: string | null
  decided_at: Date | null
}

/** What the store knows when an invite is shown. */
interface Shown {
  /** Null: there is none with that secret. */
  invite: InviteRow | null
  /** The machine that the shown keys belong to; null: it is new. */
  member: MemberRow | null
  /** The last machine that has used the invite. */
  usedBy: MemberRow | null
  roles: readonly PeerRole[]
  /** Milliseconds since 1970. */
  now: number
}

type Redemption =
  /** It is in already with this invite: its reply was lost, or it asks again. */
  | { kind: 'known'; member: MemberRow }
  | { kind: 'new'; invite: InviteRow; state: 'waiting' | 'member' }

/** Throws what the machine is to be told. */
export function redemption({ invite, member, usedBy, roles, now }: Shown): Redemption {
  if (invite === null) throw refused('INVITE_UNKNOWN', 'this mesh knows no such topic key', ASK)
  assertRoles(invite, roles)
  if (member !== null && member.secret_hash === invite.secret_hash) {
    assertNotTurnedAway(member)
    return { kind: 'known', member }
  }
  if (invite.removed_at !== null) {
    throw refused('INVITE_REVOKED', `this topic key was withdrawn ${at(invite.removed_at)}`, ASK)
  }
  if (invite.expires_at !== null && invite.expires_at.getTime() <= now) {
    throw refused('INVITE_EXPIRED', `this topic key has expired ${at(invite.expires_at)}`, ASK)
  }
  if (invite.uses_max !== null && invite.uses >= invite.uses_max) throw used(invite, usedBy)
  return { kind: 'new', invite, state: invite.approve ? 'waiting' : 'member' }
}

function assertRoles(invite: InviteRow, roles: readonly PeerRole[]): void {
  const beyond = roles.find((role) => !invite.roles.includes(role))
  if (beyond === undefined) return
  const may = invite.roles.join(' or ')
  throw refused(
    'INVITE_ROLE',
    `this topic key lets a machine in as ${may}, and not as ${beyond}`,
    `ask for one of "haif invite --role ${beyond}"`
  )
}

export function assertNotTurnedAway({ state, name, decided_at: when }: MemberRow): void {
  if (state === 'revoked') {
    throw refused('PEER_REVOKED', `${name} was removed from this mesh ${at(when)}`, ASK)
  }
  if (state === 'refused') {
    throw refused('APPROVAL_REFUSED', `${name} was not approved`, 'ask whoever runs the mesh')
  }
}

function used({ uses_max: max }: InviteRow, usedBy: MemberRow | null): HaifError {
  const times = max === 1 ? 'already been used' : `been used ${max} times, which is all that it may`
  const by =
    usedBy === null
      ? ''
      : `, last by ${usedBy.name} ${at(usedBy.joined_at)}; if you do not know that machine, ` +
        `remove it: haif peers revoke ${usedBy.name}`
  return refused('INVITE_USED', `this topic key has ${times}${by}`, ASK)
}

const ASK = 'ask for a new one: "haif invite" prints it where the mesh runs'

const refused = (code: ErrorCode, what: string, advice: string): HaifError =>
  new HaifError(code, `${what}. To join, ${advice}`)

const at = (time: Date | null): string =>
  time === null ? '' : `on ${time.toISOString().slice(0, 16).replace('T', ' at ')} UTC`
