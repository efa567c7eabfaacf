/**
 * A ticket shows a gateway that a request was let in before, by itself or another gateway with the
 * same pepper, so that the rest of an answer is not counted as one more request. Whoever asks
 * without one, or with one that is not theirs, asks anew.
 */
import { createHmac, createSecretKey, hkdfSync, timingSafeEqual, type KeyObject } from 'node:crypto'
import { BoundedMap } from '#shared/kit/bounded-map.ts'

const PURPOSE = 'haif ticket v1'
const KEY_BYTES = 32
const MAC_CHARACTERS = 22 // of base64url: 132 bits
/** Gateways that may be lost while one answer is given. */
const USES_MAX = 3
const REMEMBERED_MAX = 8192

/** Whose request it is: a ticket is worth nothing to anybody else. */
export interface TicketOwner {
  tenant: string
  tokenId: string | undefined
}

export class Tickets {
  readonly #key: KeyObject
  readonly #now: () => number
  readonly #uses = new BoundedMap<string, number>(REMEMBERED_MAX)

  /** `now`: milliseconds since 1970. */
  constructor(pepper: Buffer, now: () => number) {
    this.#key = createSecretKey(Buffer.from(hkdfSync('sha256', pepper, '', PURPOSE, KEY_BYTES)))
    this.#now = now
  }

  /** `rowId`: the row in the books of what the first gateway gave. */
  issue(rowId: string, owner: TicketOwner, lifeMs: number): string {
    const claim = `${rowId}.${Math.ceil(this.#now() + lifeMs).toString(36)}`
    return `${claim}.${this.#mac(claim, owner)}`
  }

  /** Returns the row that the answer goes on from; null for a ticket that is not good now. */
  redeem(ticket: string, owner: TicketOwner): string | null {
    const end = ticket.lastIndexOf('.')
    const claim = ticket.slice(0, end)
    const given = Buffer.from(ticket.slice(end + 1))
    const expected = Buffer.from(this.#mac(claim, owner))
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null
    const [rowId = '', expiresAt = ''] = claim.split('.')
    const uses = this.#uses.get(rowId) ?? 0
    if (this.#now() > parseInt(expiresAt, 36) || uses >= USES_MAX) return null
    this.#uses.set(rowId, uses + 1)
    return rowId
  }

  #mac(claim: string, { tenant, tokenId = '' }: TicketOwner): string {
    const mac = createHmac('sha256', this.#key).update(`${claim}\n${tokenId}\n${tenant}`)
    return mac.digest('base64url').slice(0, MAC_CHARACTERS)
  }
}
