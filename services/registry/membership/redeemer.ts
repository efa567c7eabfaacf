/**
 * Lets a machine in that shows an invite. The invite is burnt and the machine recorded in one
 * transaction, so that two registries cannot both let somebody in with the last use of it.
 */
import type { Redeem } from '#shared/contracts/peers/members.ts'
import { HaifError } from '#shared/errors.ts'
import { inviteHash } from '#shared/mesh/membership/invite.ts'
import { isSigned } from '#shared/mesh/membership/signature.ts'
import { hasSqlState, SqlState, type Queryable, type Store } from '#shared/store/store.ts'
import { countUse, lockInvite } from './invite-rows.ts'
import {
  assertWaitingRoom,
  freeName,
  insertMember,
  lastMemberOf,
  memberOfKey,
  putKey
} from './member-rows.ts'
import { redemption, type MemberRow } from './redemption.ts'

/** Two machines may want the same name at the same moment. */
const TRIES_MAX = 5
const NAME_CHARACTERS_MAX = 44

interface RedeemerDeps {
  store: Store
  /** Milliseconds since 1970. */
  now: () => number
}

export class Redeemer {
  readonly #deps: RedeemerDeps

  constructor(deps: RedeemerDeps) {
    this.#deps = deps
  }

  /** The machine, which is in or waits for a person. Throws what it is to be told. */
  async redeem(request: Redeem): Promise<MemberRow> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#deps.store.transaction((tx) => this.#redeem(tx, request))
      } catch (error) {
        if (tries >= TRIES_MAX || !hasSqlState(error, SqlState.uniqueViolation)) throw error
      }
    }
  }

  async #redeem(tx: Queryable, { secret, keys, host, name }: Redeem): Promise<MemberRow> {
    const secretHash = inviteHash(Buffer.from(secret, 'hex'))
    const invite = await lockInvite(tx, secretHash)
    const result = redemption({
      invite,
      member: await memberOfAll(tx, keys),
      usedBy: await lastMemberOf(tx, secretHash),
      roles: keys.map(({ role }) => role),
      now: this.#deps.now()
    })
    if (result.kind === 'known') return result.member
    const { state, invite: found } = result
    if (state === 'waiting') await assertWaitingRoom(tx)
    await countUse(tx, secretHash)
    const member = await insertMember(tx, {
      name: await freeName(tx, found.name ?? name ?? nameFrom(host)),
      roles: found.roles,
      host,
      state,
      secretHash
    })
    for (const key of keys) await putKey(tx, member.id, key)
    return member
  }
}

/** The machine that all the keys belong to, or null: then it is none that we know. */
async function memberOfAll(tx: Queryable, keys: Redeem['keys']): Promise<MemberRow | null> {
  let common: MemberRow | null = null
  for (const { key } of keys) {
    const member = await memberOfKey(tx, key)
    if (member === null || (common !== null && member.id !== common.id)) return null
    common = member
  }
  return common
}

/** A host name as people may type it: `Anna's MacBook.local` becomes `Anna-s-MacBook`. */
function nameFrom(host: string): string {
  const [first = ''] = host.split('.')
  const name = first
    .replaceAll(/[^A-Za-z0-9_-]+/g, '-')
    .replaceAll(/^[-_]+|-+$/g, '')
    .slice(0, NAME_CHARACTERS_MAX)
  return name === '' ? 'machine' : name
}

/** Throws unless each key but that of the connection itself is proven by its signature. */
export function assertProven(keys: Redeem['keys'], connectionKey: string): void {
  const said = Buffer.from(connectionKey, 'hex')
  const isOwn = keys[0]?.key === connectionKey
  const isEachOnce = new Set(keys.map(({ key }) => key)).size === keys.length
  const areProven = keys.slice(1).every(({ key, proof = '' }) => {
    const signature = Buffer.from(proof, 'hex')
    return isSigned('key', said, signature, Buffer.from(key, 'hex'))
  })
  if (isOwn && isEachOnce && areProven) return
  throw new HaifError('VALIDATION_FAILED', 'a key was shown that its owner has not proven')
}
