/**
 * What machines are called now. Their certificates say it only after the next renewal, days later,
 * and whoever has renamed one wants to see it at once.
 */
import type { Queryable } from '#shared/store/store.ts'

/** More than a mesh has; of others the certificate counts. */
const KEYS_MAX = 100_000

export class MemberNames {
  readonly #store: Queryable
  #names: ReadonlyMap<string, string> = new Map() // at most KEYS_MAX
  #onChange: () => void = () => {}

  constructor(store: Queryable) {
    this.#store = store
  }

  /** `key` in hex. Undefined: as its certificate says. */
  of(key: string): string | undefined {
    return this.#names.get(key)
  }

  /** Called after each change. */
  watch(onChange: () => void): void {
    this.#onChange = onChange
  }

  async refresh(): Promise<void> {
    const rows = await this.#store.query<{ key: string; name: string }>(
      `select k.key, m.name from member_keys k join members m on m.id = k.member_id
       where m.state = 'member' limit $1`,
      [KEYS_MAX]
    )
    this.#names = new Map(rows.map(({ key, name }) => [key, name]))
    this.#onChange()
  }
}
