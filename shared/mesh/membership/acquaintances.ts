/**
 * Members that this peer has met or heard of from a registry. A lookup can be crowded out by
 * strangers who have seen the topic and announce keys of their own under it; a key can not, because
 * only its owner announces what it is dialled by. So these are dialled without a lookup.
 */
import { EventEmitter } from 'node:events'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { isListeningRole, type ListeningRole } from '#shared/contracts/peers/role.ts'

/** Any registry among them names all the others. */
const ACQUAINTANCES_MAX = 64
const KEY = /^[0-9a-f]{64}$/

export interface Acquaintance {
  role: ListeningRole
  /** Hex. */
  key: string
}

interface AcquaintancesEvents {
  /** One that was not known before. */
  met: [Acquaintance]
}

export class Acquaintances extends EventEmitter<AcquaintancesEvents> {
  readonly #roles = new BoundedMap<string, ListeningRole>(ACQUAINTANCES_MAX) // by key

  /** The one met last is forgotten last. */
  add({ role, key }: Acquaintance): void {
    const isNews = this.#roles.get(key) !== role
    this.#roles.set(key, role)
    if (isNews) this.emit('met', { role, key })
  }

  /** Keys in hex. */
  of(role: ListeningRole): string[] {
    return [...this.#roles].filter(([, known]) => known === role).map(([key]) => key)
  }

  /** One a line: `role key`. */
  toText(): string {
    return [...this.#roles].map(([key, role]) => `${role} ${key}\n`).join('')
  }

  /** What cannot be read is left out: lookups find it again. */
  addText(text: string): void {
    for (const line of text.split('\n').slice(0, ACQUAINTANCES_MAX)) {
      const [role = '', key = ''] = line.split(' ')
      if (isListeningRole(role) && KEY.test(key)) this.add({ role, key })
    }
  }
}
