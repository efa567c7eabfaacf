/**
 * Members that this peer has met or heard of from a registry. A lookup can be crowded out by
 * strangers who have seen the topic and announce keys of their own under it; a key can not, because
 * only its owner announces what it is dialled by. So these are dialled without a lookup, and where
 * anybody can reach them, at the address where they were met: also while the DHT is away.
 */
import { EventEmitter } from 'node:events'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { Address } from '../discovery/mesh-address.ts'
import { isListeningRole, type ListeningRole } from '#shared/contracts/peers/role.ts'

/** Any registry among them names all the others. */
const ACQUAINTANCES_MAX = 64
const KEY = /^[0-9a-f]{64}$/
const ADDRESS = /^(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})$/

export interface Acquaintance {
  role: ListeningRole
  /** Hex. */
  key: string
  /** Where whoever knows it can reach the peer; null or absent: nowhere, or not known. */
  address?: Address | null
}

interface AcquaintancesEvents {
  /** One that was not known before, or not at this address. */
  met: [Acquaintance]
}

export class Acquaintances extends EventEmitter<AcquaintancesEvents> {
  readonly #known = new BoundedMap<string, Known>(ACQUAINTANCES_MAX) // by key

  /** The one met last is forgotten last. */
  add({ role, key, address = null }: Acquaintance): void {
    const before = this.#known.get(key)
    const kept = address ?? before?.address ?? null
    this.#known.set(key, { role, address: kept })
    const isMoved = textOf(kept) !== textOf(before?.address ?? null)
    if (before?.role !== role || isMoved) this.emit('met', { role, key })
  }

  /** Keys in hex. */
  of(role: ListeningRole): string[] {
    return [...this.#known].filter(([, known]) => known.role === role).map(([key]) => key)
  }

  /** `key` in hex. */
  addressOf(key: string): Address | null {
    return this.#known.get(key)?.address ?? null
  }

  /** One a line: `role key`, and `host:port` where it is known. */
  toText(): string {
    return [...this.#known]
      .map(([key, { role, address }]) => `${[role, key, textOf(address)].join(' ').trim()}\n`)
      .join('')
  }

  /** What cannot be read is left out: lookups find it again. */
  addText(text: string): void {
    for (const line of text.split('\n').slice(0, ACQUAINTANCES_MAX)) {
      const [role = '', key = '', at = ''] = line.split(' ')
      if (isListeningRole(role) && KEY.test(key)) this.add({ role, key, address: addressOf(at) })
    }
  }
}

interface Known {
  role: ListeningRole
  address: Address | null
}

const textOf = (address: Address | null): string =>
  address === null ? '' : `${address.host}:${address.port}`

function addressOf(text: string): Address | null {
  const [, host, port] = ADDRESS.exec(text) ?? []
  return host === undefined ? null : { host, port: Number(port) }
}
