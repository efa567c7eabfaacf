/**
 * Two living processes with one key: a HAIF_HOME, or a whole machine, that was copied. Each would
 * take the place of the other for ever.
 *
 * A process that comes back after a restart takes the place of its old connection at once, and
 * names itself anew. So one that was replaced and comes back under its old name while the other is
 * still there proves that both live: it is refused, and the other stays.
 */
import { HaifError } from '#shared/errors.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'

/** Names of a process in a hello, so that a restart is told from a second machine. */
export const PROCESS_ID_BYTES = 8

const KEYS_MAX = 1024
const REPLACED_MAX = 8
const KEY_CHARACTERS = 8

export interface KeyHolder {
  /** Hex. */
  process: string
  /** Where it connects from. */
  address: string
}

export class Twins {
  readonly #holders = new Map<string, KeyHolder>() // by key, while it is connected
  readonly #replaced = new BoundedMap<string, string[]>(KEYS_MAX) // processes, at most REPLACED_MAX
  readonly #told = new BoundedMap<string, string>(KEYS_MAX) // the process that was refused last

  /** Throws HOME_IN_USE for a process whose key another one has taken over, and still has. */
  admit(key: string, { process }: KeyHolder): void {
    const holder = this.#holders.get(key)
    if (holder === undefined || holder.process === process) return
    if (this.#replaced.get(key)?.includes(process) !== true) return
    const again = this.#told.get(key) === process // it tries every few seconds
    this.#told.set(key, process)
    throw new HaifError(
      'HOME_IN_USE',
      `two machines have the key ${key.slice(0, KEY_CHARACTERS)}, because a HAIF_HOME was copied: the one at ` +
        `${holder.address} is in the mesh, so this one is not. On the copy run "haif identity new", ` +
        'then join it with a new invite',
      { details: { again } }
    )
  }

  connected(key: string, holder: KeyHolder): void {
    const before = this.#holders.get(key)
    const replaced = (this.#replaced.get(key) ?? []).filter((each) => each !== holder.process)
    if (before !== undefined && before.process !== holder.process) replaced.push(before.process)
    if (replaced.length > 0) this.#replaced.set(key, replaced.slice(-REPLACED_MAX))
    this.#holders.set(key, holder)
  }

  /** The connection of that process is gone, and no newer one has taken its place. */
  lost(key: string, { process }: KeyHolder): void {
    if (this.#holders.get(key)?.process === process) this.#holders.delete(key)
  }
}
