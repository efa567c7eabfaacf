/** How machines come to belong to a mesh: what a newcomer asks, and what operators decide. */
import { Type, type Static, type TProperties, type TSchema } from 'typebox'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import { between, FROM_CALLERS } from './parties.ts'
import { PeerRole } from './role.ts'

const ROLES_MAX = 8
/** Keys of one machine, one for each of its peers. */
const KEYS_MAX = 8
const LIST_MAX = 5000
const LIFE_MS_MAX = 1_000_000_000_000
export const INVITE_USES_MAX = 65_535

const Time = Type.Integer({ minimum: 0, description: 'Milliseconds since 1970.' })
const Key = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'A public key.' })
const Roles = Type.Array(PeerRole, { minItems: 1, maxItems: ROLES_MAX })
/** The name of a machine, which people type: as short as a host name, without surprises. */
export const MachineName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$',
  description: 'A letter or digit, then up to 47 letters, digits, `.`, `_` and `-`.'
})
/** A machine by its name, or by the beginning of one of its keys. */
const Who = Type.String({ minLength: 1, maxLength: 64 })
const Actor = Type.String({ minLength: 1, maxLength: 128 })

/** What a machine shows to be let in. It has proven the key of its connection already. */
export const Redeem = Type.Object({
  /** Of the invite, hex. */
  secret: Type.String({ pattern: '^[0-9a-f]{32}$' }),
  keys: Type.Array(
    Type.Object({
      key: Key,
      role: PeerRole,
      /** That key's signature over the key of the connection, hex; absent for that key itself. */
      proof: Type.Optional(Type.String({ pattern: '^[0-9a-f]{128}$' }))
    }),
    { minItems: 1, maxItems: KEYS_MAX }
  ),
  host: Type.String({ maxLength: 255 }),
  /** What it wishes to be called, where the invite does not say. */
  name: Type.Optional(MachineName)
})
export type Redeem = Static<typeof Redeem>

/** Sent where a person has to say yes first; then the stream stays open until one does. */
const Waiting = Type.Object({ name: MachineName })

const Welcome = Type.Object({
  name: MachineName,
  /** For each key its certificate and the epochs of the mesh, base64. */
  credentials: Type.Array(
    Type.Object({ key: Key, credentials: Type.String({ maxLength: 4096 }) }),
    { minItems: 1, maxItems: KEYS_MAX }
  ),
  /** The list of revoked peers, base64; absent while there is none. */
  revocations: Type.Optional(Type.String({ maxLength: 1_000_000 }))
})
export type Welcome = Static<typeof Welcome>

/** The only thing that a registry answers to whoever is not a member yet. */
export const redeem = defineStream(
  'registry.redeem',
  { from: ['guest'], to: ['registry'] },
  Redeem,
  Waiting,
  Welcome
)

export const InviteEntry = Type.Object({
  id: Type.String({ maxLength: 16 }),
  roles: Roles,
  name: Type.Optional(MachineName),
  uses: Type.Integer({ minimum: 0 }),
  /** Absent: any number. */
  usesMax: Type.Optional(Type.Integer({ minimum: 1 })),
  approve: Type.Boolean(),
  createdAt: Time,
  createdBy: Actor,
  /** Absent: never. */
  expiresAt: Type.Optional(Time),
  removedAt: Type.Optional(Time)
})
export type InviteEntry = Static<typeof InviteEntry>

const CreateInvite = {
  roles: Roles,
  name: Type.Optional(MachineName),
  /** Null: it does not expire. */
  expiresInMs: Type.Union([Type.Integer({ minimum: 1000, maximum: LIFE_MS_MAX }), Type.Null()]),
  /** Null: any number of machines. */
  usesMax: Type.Union([Type.Integer({ minimum: 1, maximum: INVITE_USES_MAX }), Type.Null()]),
  approve: Type.Optional(Type.Boolean())
}
export const CreateInviteObject = Type.Object(CreateInvite)
export type CreateInvite = Static<typeof CreateInviteObject>

/** `topicKey` is told this once, and kept nowhere. */
export const CreatedInvite = Type.Object({
  invite: InviteEntry,
  topicKey: Type.String({ maxLength: 1024 })
})
export type CreatedInvite = Static<typeof CreatedInvite>

const MemberState = Type.Union([
  Type.Literal('member'),
  Type.Literal('waiting'),
  Type.Literal('refused'),
  Type.Literal('revoked')
])

/** A machine, with the keys of its peers. */
export const MemberEntry = Type.Object({
  name: Type.String({ maxLength: 64 }),
  roles: Roles,
  state: MemberState,
  host: Type.String({ maxLength: 255 }),
  keys: Type.Array(Type.Object({ key: Key, role: PeerRole, connected: Type.Boolean() }), {
    maxItems: 1000
  }),
  /** The invite that it has joined with; absent when that has been forgotten. */
  invite: Type.Optional(Type.String({ maxLength: 16 })),
  joinedAt: Time,
  decidedBy: Type.Optional(Actor),
  decidedAt: Type.Optional(Time)
})
export type MemberEntry = Static<typeof MemberEntry>

/**
 * An operator asks a gateway, which knows tokens and writes the audit; the gateway asks a registry
 * the same, and says in whose name.
 */
function asked<Properties extends TProperties, Reply extends TSchema>(
  name: string,
  properties: Properties,
  reply: Reply
) {
  const request = Type.Object({ ...properties, by: Type.Optional(Actor) })
  return {
    gateway: defineMethod(`gateway.${name}`, FROM_CALLERS, request, reply),
    registry: defineMethod(`registry.${name}`, between(['gateway'], ['registry']), request, reply)
  }
}

export const InviteList = Type.Object({
  invites: Type.Array(InviteEntry, { maxItems: LIST_MAX })
})
export const MemberList = Type.Object({
  members: Type.Array(MemberEntry, { maxItems: LIST_MAX })
})

export const createInvite = asked('createInvite', CreateInvite, CreatedInvite)
export const listInvites = asked('listInvites', { all: Type.Optional(Type.Boolean()) }, InviteList)
export const removeInvite = asked(
  'removeInvite',
  { id: Type.String({ pattern: '^[0-9a-f]{4,16}$' }) },
  InviteEntry
)
export const listMembers = asked(
  'listMembers',
  { states: Type.Optional(Type.Array(MemberState, { maxItems: 4 })) },
  MemberList
)
export const approveMember = asked('approveMember', { who: Who }, MemberEntry)
export const revokeMember = asked('revokeMember', { who: Who }, MemberEntry)
export const renameMember = asked('renameMember', { who: Who, name: MachineName }, MemberEntry)
/** Everybody who stays gets the new epoch over its link. */
export const rotateMesh = asked('rotateMesh', {}, Type.Object({ epoch: Type.Integer() }))
