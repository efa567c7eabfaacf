/** The machines of a mesh, as operators see and change them. */
import type { MemberEntry } from '#shared/contracts/peers/members.ts'
import { HaifError } from '#shared/errors.ts'
import { CERTIFICATE_LIFE_MS } from '#shared/mesh/membership/authority.ts'
import { CLOCK_TOLERANCE_MS } from '#shared/mesh/membership/certificate.ts'
import type { Membership } from '#shared/mesh/membership/membership.ts'
import { hasSqlState, SqlState, type Queryable, type Store } from '#shared/store/store.ts'
import { MEMBERSHIP_CHANNEL } from './decisions.ts'
import {
  decideMember,
  findMember,
  forgetWaiting,
  listedMember,
  listMembers,
  renameMember,
  type ListedMember
} from './member-rows.ts'
import type { MemberState } from './redemption.ts'
import { revoke } from './revocation-rows.ts'

interface MembersDeps {
  store: Store
  /** Of this registry; it can sign. */
  membership: Membership
  /** `key` in hex. */
  isConnected: (key: string) => boolean
  /** Milliseconds since 1970. */
  now: () => number
}

/** The notice after which names are read anew. */
export const RENAMED = 'renamed'

const PRESENT: readonly MemberState[] = ['member', 'waiting']

export class Members {
  readonly #deps: MembersDeps

  constructor(deps: MembersDeps) {
    this.#deps = deps
  }

  async list(states: readonly MemberState[] = PRESENT): Promise<MemberEntry[]> {
    const rows = await listMembers(this.#deps.store, states)
    return rows.map((row) => this.#entry(row))
  }

  /** Throws NOT_FOUND when no such machine waits. */
  async approve(who: string, by: string): Promise<MemberEntry> {
    return this.#change(who, ['waiting'], async (tx, { id }) => {
      await decideMember(tx, id, { state: 'member', by })
    })
  }

  /**
   * Removes the machine for good: its keys go on the list that every peer keeps. One that only
   * waits is refused.
   */
  async revoke(who: string, by: string): Promise<MemberEntry> {
    const { membership, now } = this.#deps
    return this.#change(who, PRESENT, async (tx, { id, state, keys }) => {
      const isWaiting = state === 'waiting'
      await decideMember(tx, id, { state: isWaiting ? 'refused' : 'revoked', by })
      const until = now() + CERTIFICATE_LIFE_MS + CLOCK_TOLERANCE_MS
      const peers = new Map(keys.map(({ key }) => [key, until]))
      if (!isWaiting) await revoke(tx, membership, () => ({ peers }))
    })
  }

  /** Its certificates say so when they are renewed; registries call it so at once. */
  async rename(who: string, name: string): Promise<MemberEntry> {
    const entry = await this.#change(who, PRESENT, async (tx, { id }) => {
      await renameMember(tx, id, name)
    })
    await this.#deps.store.notify(MEMBERSHIP_CHANNEL, RENAMED)
    return entry
  }

  /** Begins an epoch, and ends all but the one before it; who stays gets it over its link. */
  async rotate(): Promise<number> {
    const { store, membership } = this.#deps
    let epoch = 0
    await store.transaction((tx) =>
      revoke(tx, membership, (before) => {
        epoch = before + 1
        return { epoch, leastEpoch: before }
      })
    )
    await store.notify(MEMBERSHIP_CHANNEL, 'epoch')
    return epoch
  }

  async forget(): Promise<void> {
    await forgetWaiting(this.#deps.store)
  }

  async #change(
    who: string,
    states: readonly MemberState[],
    change: (tx: Queryable, member: ListedMember) => Promise<void>
  ): Promise<MemberEntry> {
    const { store } = this.#deps
    try {
      const id = await store.transaction(async (tx) => {
        const member = await findMember(tx, who, states)
        await change(tx, member)
        return member.id
      })
      await store.notify(MEMBERSHIP_CHANNEL, String(id))
      return this.#entry(await listedMember(store, id))
    } catch (error) {
      if (!hasSqlState(error, SqlState.uniqueViolation)) throw error
      throw new HaifError('CONFLICT', 'another machine has that name; "haif peers" lists them', {
        cause: error
      })
    }
  }

  #entry(row: ListedMember): MemberEntry {
    const { name, roles, state, host, keys, invite, joined_at, decided_by, decided_at } = row
    const { isConnected } = this.#deps
    return {
      name,
      roles,
      state,
      host,
      keys: keys.map(({ key, role }) => ({ key, role, connected: isConnected(key) })),
      joinedAt: joined_at.getTime(),
      ...(invite === null ? {} : { invite }),
      ...(decided_by === null ? {} : { decidedBy: decided_by }),
      ...(decided_at === null ? {} : { decidedAt: decided_at.getTime() })
    }
  }
}
