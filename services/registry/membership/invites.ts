/** The invites of a mesh: made, listed and withdrawn by operators. */
import { randomBytes } from 'node:crypto'
import type { CreatedInvite, CreateInvite, InviteEntry } from '#shared/contracts/peers/members.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { HaifError } from '#shared/errors.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import {
  encodeInvite,
  inviteHash,
  inviteHelloId,
  inviteIdOf,
  SECRET_BYTES,
  type Invite
} from '#shared/mesh/membership/invite.ts'
import type { Store } from '#shared/store/store.ts'
import {
  assertInviteRoom,
  forgetInvites,
  insertInvite,
  inviteHashes,
  listInvites,
  removeInvite,
  type NewInvite
} from './invite-rows.ts'
import type { InviteRow } from './redemption.ts'

/** Where a newcomer finds a registry of this mesh. */
export type Entrance = Pick<
  Invite,
  'meshKey' | 'reach' | 'bootstrap' | 'issuers' | 'relays' | 'tlsRelays'
>

interface InvitesDeps {
  store: Store
  entrance: () => Entrance
  /** Milliseconds since 1970. */
  now: () => number
}

const MADE_MAX = 10_000
/** 16 bytes in hex. */
const HELLO_ID_CHARACTERS = 32

export class Invites {
  readonly #deps: InvitesDeps
  /** By the names that guests give; null until the store has told them. */
  #known: Set<string> | null = null
  /** Those that were made here, which the store may not have told yet. */
  readonly #made = new BoundedMap<string, true>(MADE_MAX)
  readonly #storing = new Set<Promise<void>>() // one for each that is asked for now

  constructor(deps: InvitesDeps) {
    this.#deps = deps
  }

  async create(wish: CreateInvite, by: string): Promise<CreatedInvite> {
    const { topicKey, stored } = this.make(wish, by)
    return { invite: await stored, topicKey }
  }

  /**
   * The same for whoever cannot wait for a store that is still opening: the topic key is good once
   * it is stored, and whoever shows it before waits for that.
   */
  make(wish: CreateInvite, by: string): { topicKey: string; stored: Promise<InviteEntry> } {
    const { roles, name = null, expiresInMs, usesMax, approve = false } = wish
    assertAllowed(wish)
    const secret = randomBytes(SECRET_BYTES)
    const expiresAt = expiresInMs === null ? null : new Date(this.#deps.now() + expiresInMs)
    const id = inviteIdOf(secret)
    const terms = { id, roles, name, usesMax, approve, expiresAt, createdBy: by }
    const stored = this.#store({ ...terms, secretHash: inviteHash(secret) })
    const settled = stored.then(
      () => void this.#storing.delete(settled),
      () => void this.#storing.delete(settled)
    )
    this.#storing.add(settled)
    this.#made.set(inviteHelloId(secret).toString('hex'), true)
    const topicKey = encodeInvite({
      ...this.#deps.entrance(),
      secret,
      roles,
      name: name ?? '',
      expiresAt: expiresAt?.getTime() ?? null,
      usesMax,
      approve
    })
    return { topicKey, stored }
  }

  /** Waits until what was made here is stored. */
  async settled(): Promise<void> {
    await Promise.all(this.#storing)
  }

  async #store(invite: NewInvite): Promise<InviteEntry> {
    const row = await this.#deps.store.transaction(async (tx) => {
      await assertInviteRoom(tx)
      return insertInvite(tx, invite)
    })
    return inviteEntry(row)
  }

  /** Throws INVITE_UNKNOWN for a name in a hello that no invite has. */
  assertKnown(helloId: Buffer): void {
    const id = helloId.toString('hex')
    if (this.#known === null || this.#known.has(id) || this.#made.has(id)) return
    throw new HaifError(
      'INVITE_UNKNOWN',
      'this mesh knows no such topic key. To join, ask for a new one: "haif invite" prints it'
    )
  }

  /** Learns what other registries have made. */
  async refresh(): Promise<void> {
    const hashes = await inviteHashes(this.#deps.store)
    this.#known = new Set(hashes.map((each) => each.slice(0, HELLO_ID_CHARACTERS)))
  }

  async list(all: boolean): Promise<InviteEntry[]> {
    return (await listInvites(this.#deps.store, all)).map(inviteEntry)
  }

  async remove(id: string): Promise<InviteEntry> {
    return inviteEntry(await removeInvite(this.#deps.store, id))
  }

  async forget(): Promise<void> {
    await forgetInvites(this.#deps.store)
  }
}

/** Roles that may be asked for with an invite. A registry signs, so it needs the mesh's own key. */
const INVITED: readonly PeerRole[] = [
  'worker',
  'client',
  'bridge',
  'gateway',
  'orchestrator',
  'jobs',
  'relay'
]
/** An invite for several machines or without an end lies about in scripts: for workers only. */
const LASTING: readonly PeerRole[] = ['worker']
const LASTING_MS = 30 * 24 * 3_600_000

function assertAllowed({ roles, usesMax, expiresInMs }: CreateInvite): void {
  const never = roles.find((role) => !INVITED.includes(role))
  if (never !== undefined) {
    throw new HaifError(
      'VALIDATION_FAILED',
      `a ${never} joins with no invite: it needs the key of the mesh itself (docs/membership.md)`
    )
  }
  const isLasting = usesMax !== 1 || expiresInMs === null || expiresInMs > LASTING_MS
  const beyond = roles.find((role) => !LASTING.includes(role))
  if (isLasting && beyond !== undefined) {
    throw new HaifError(
      'VALIDATION_FAILED',
      `an invite for a ${beyond} is for one machine and at most 30 days; ` +
        'only invites for workers may be used many times or never expire'
    )
  }
}

function inviteEntry(row: InviteRow): InviteEntry {
  const { id, roles, name, uses, uses_max: usesMax, approve, expires_at, removed_at } = row
  const { created_by: createdBy, created_at } = row
  return {
    id,
    roles,
    uses,
    approve,
    createdBy,
    createdAt: created_at.getTime(),
    ...(name === null ? {} : { name }),
    ...(usesMax === null ? {} : { usesMax }),
    ...(expires_at === null ? {} : { expiresAt: expires_at.getTime() }),
    ...(removed_at === null ? {} : { removedAt: removed_at.getTime() })
  }
}
