/** The rows of machines that have joined, and of their keys. One query each. */
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { HaifError } from '#shared/errors.ts'
import type { Queryable } from '#shared/store/store.ts'
import type { MemberRow, MemberState } from './redemption.ts'

const LIST_MAX = 5000
/** Machines that wait for a person at the same time. */
const WAITING_MAX = 1000
/** A machine that nobody has approved by then has to ask again. */
const WAITING_DAYS = 7
const NAMES_MAX = 10_000

/** Of a machine that is in or waits: such names are given only once. */
const PRESENT = `state in ('waiting', 'member')`

interface NewMember {
  name: string
  roles: readonly PeerRole[]
  host: string
  state: MemberState
  secretHash: string
}

export async function insertMember(tx: Queryable, member: NewMember): Promise<MemberRow> {
  const { name, roles, host, state, secretHash } = member
  const [row] = await tx.query<MemberRow>(
    `insert into members (name, roles, host, state, secret_hash)
     values ($1, $2::jsonb, $3, $4, $5) returning *`,
    [name, JSON.stringify(roles), host, state, secretHash]
  )
  return row!
}

/** A key that joins again belongs to the machine that it joins as now. */
export async function putKey(
  tx: Queryable,
  memberId: number,
  { key, role }: { key: string; role: PeerRole }
): Promise<void> {
  await tx.query(
    `insert into member_keys (key, member_id, role) values ($1, $2, $3)
     on conflict (key) do update set member_id = excluded.member_id, role = excluded.role`,
    [key, memberId, role]
  )
}

/** The name, or the name with the first number that is free. */
export async function freeName(tx: Queryable, wished: string): Promise<string> {
  const rows = await tx.query<{ name: string }>(
    `select name from members where ${PRESENT} and (name = $1 or name like $2) limit $3`,
    [wished, `${wished.replaceAll(/[\\%_]/g, String.raw`\$&`)}-%`, NAMES_MAX]
  )
  const taken = new Set(rows.map(({ name }) => name))
  if (!taken.has(wished)) return wished
  let number = 2
  while (taken.has(`${wished}-${number}`)) number++
  return `${wished}-${number}`
}

export async function memberOfKey(tx: Queryable, key: string): Promise<MemberRow | null> {
  const [row] = await tx.query<MemberRow>(
    'select m.* from members m join member_keys k on k.member_id = m.id where k.key = $1',
    [key]
  )
  return row ?? null
}

export async function memberById(store: Queryable, id: number): Promise<MemberRow | null> {
  const [row] = await store.query<MemberRow>('select * from members where id = $1', [id])
  return row ?? null
}

export async function lastMemberOf(tx: Queryable, secretHash: string): Promise<MemberRow | null> {
  const [row] = await tx.query<MemberRow>(
    'select * from members where secret_hash = $1 order by id desc limit 1',
    [secretHash]
  )
  return row ?? null
}

/** Throws CONFLICT when too many wait: whoever has an invite could fill the list. */
export async function assertWaitingRoom(tx: Queryable): Promise<void> {
  const [row] = await tx.query<{ count: number }>(
    `select count(*) as count from members where state = 'waiting'`
  )
  if (Number(row?.count) < WAITING_MAX) return
  throw new HaifError(
    'CONFLICT',
    `${WAITING_MAX} machines wait for approval already: "haif peers --pending" lists them`
  )
}

export interface ListedMember extends MemberRow {
  keys: { key: string; role: PeerRole }[]
  invite: string | null
}

const LISTED = `select m.*, i.id as invite,
    coalesce((select jsonb_agg(jsonb_build_object('key', k.key, 'role', k.role) order by k.role, k.key)
      from member_keys k where k.member_id = m.id), '[]') as keys
  from members m left join invites i on i.secret_hash = m.secret_hash`

/** By name; `states`: those that are asked for. */
export async function listMembers(
  store: Queryable,
  states: readonly MemberState[]
): Promise<ListedMember[]> {
  return store.query<ListedMember>(
    `${LISTED} where m.state in (select jsonb_array_elements_text($1::jsonb))
     order by m.name, m.id limit $2`,
    [JSON.stringify(states), LIST_MAX]
  )
}

export async function listedMember(store: Queryable, id: number): Promise<ListedMember> {
  const [row] = await store.query<ListedMember>(`${LISTED} where m.id = $1`, [id])
  return row!
}

/** The machine with that name, or with a key that begins so; NOT_FOUND or CONFLICT otherwise. */
export async function findMember(
  tx: Queryable,
  who: string,
  states: readonly MemberState[]
): Promise<ListedMember> {
  const found = await tx.query<ListedMember>(
    `${LISTED} where m.state in (select jsonb_array_elements_text($3::jsonb)) and (m.name = $1
       or (length($1) >= 4 and exists (
         select from member_keys k where k.member_id = m.id and starts_with(k.key, $2))))
     order by (m.name = $1) desc, m.id desc limit 3`,
    [who, who.toLowerCase(), JSON.stringify(states)]
  )
  const [first, second] = found
  if (first === undefined) {
    throw new HaifError('NOT_FOUND', `there is no machine "${who}"; "haif peers" lists them`)
  }
  if (first.name === who || second === undefined) return first
  throw new HaifError('CONFLICT', `several machines have a key that begins with ${who}: give more`)
}

export async function decideMember(
  tx: Queryable,
  id: number,
  { state, by }: { state: MemberState; by: string }
): Promise<void> {
  await tx.query(
    'update members set state = $2, decided_by = $3, decided_at = now() where id = $1',
    [id, state, by]
  )
}

export async function renameMember(tx: Queryable, id: number, name: string): Promise<void> {
  await tx.query('update members set name = $2 where id = $1', [id, name])
}

/** Machines that nobody has approved. */
export async function forgetWaiting(store: Queryable): Promise<void> {
  await store.query(
    `delete from members where state = 'waiting'
       and joined_at < now() - interval '${WAITING_DAYS} days'`
  )
}
