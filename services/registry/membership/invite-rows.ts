/** The rows of invites. One query each. */
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { HaifError } from '#shared/errors.ts'
import type { Queryable } from '#shared/store/store.ts'
import type { InviteRow } from './redemption.ts'

const LIST_MAX = 1000
/** Invites that could still be used; a mesh needs few at a time. */
const VALID_MAX = 10_000
const REMEMBERED_MAX = 50_000
/** Those that nobody can use any more are forgotten after this time. */
const KEPT_DAYS = 30

const VALID = `removed_at is null and (expires_at is null or expires_at > now())
  and (uses_max is null or uses < uses_max)`

export interface NewInvite {
  secretHash: string
  id: string
  roles: readonly PeerRole[]
  name: string | null
  usesMax: number | null
  approve: boolean
  expiresAt: Date | null
  createdBy: string
}

export async function insertInvite(tx: Queryable, invite: NewInvite): Promise<InviteRow> {
  const { secretHash, id, roles, name, usesMax, approve, expiresAt, createdBy } = invite
  const [row] = await tx.query<InviteRow>(
    `insert into invites (secret_hash, id, roles, name, uses_max, approve, expires_at, created_by)
     values ($1, $2, $3::jsonb, $4, $5, $6, $7, $8) returning *`,
    [secretHash, id, JSON.stringify(roles), name, usesMax, approve, expiresAt, createdBy]
  )
  return row!
}

/** Throws CONFLICT when there are too many that could still be used. */
export async function assertInviteRoom(tx: Queryable): Promise<void> {
  const [row] = await tx.query<{ count: number }>(
    `select count(*) as count from invites where ${VALID}`
  )
  if (Number(row?.count) < VALID_MAX) return
  throw new HaifError(
    'CONFLICT',
    `${VALID_MAX} invites can still be used: remove some with "haif invite rm"`
  )
}

/** Held until the transaction ends, so that two registries cannot both let a machine in. */
export async function lockInvite(tx: Queryable, secretHash: string): Promise<InviteRow | null> {
  const [row] = await tx.query<InviteRow>(
    'select * from invites where secret_hash = $1 for update',
    [secretHash]
  )
  return row ?? null
}

export async function countUse(tx: Queryable, secretHash: string): Promise<void> {
  await tx.query('update invites set uses = uses + 1 where secret_hash = $1', [secretHash])
}

/** The newest first; without `all` only those that can still be used. */
export async function listInvites(store: Queryable, all: boolean): Promise<InviteRow[]> {
  return store.query<InviteRow>(
    `select * from invites where $1 or (${VALID}) order by created_at desc, id limit $2`,
    [all, LIST_MAX]
  )
}

/** The hashes of all that are remembered: those that have ended get an answer of their own. */
export async function inviteHashes(store: Queryable): Promise<string[]> {
  const rows = await store.query<{ secret_hash: string }>(
    'select secret_hash from invites order by created_at desc limit $1',
    [REMEMBERED_MAX]
  )
  return rows.map(({ secret_hash: hash }) => hash)
}

/** Throws NOT_FOUND when there is none that can still be used. */
export async function removeInvite(tx: Queryable, id: string): Promise<InviteRow> {
  const [row] = await tx.query<InviteRow>(
    'update invites set removed_at = now() where id = $1 and removed_at is null returning *',
    [id]
  )
  if (row !== undefined) return row
  throw new HaifError('NOT_FOUND', `there is no invite ${id}; "haif invite ls" lists them`)
}

export async function forgetInvites(store: Queryable): Promise<void> {
  await store.query(
    `delete from invites where not (${VALID}) and created_at < now() - interval '${KEPT_DAYS} days'
       and coalesce(expires_at, removed_at, created_at) < now() - interval '${KEPT_DAYS} days'`
  )
}
