/**
 * Entries by name in a JSON file of HAIF_HOME, which save work at the next start and are never
 * missed: a file that is no such record, or cannot be written, is as good as none.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { Type, type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'

const ENTRIES_MAX = 256

export class KeptEntries<Entry extends TSchema> {
  readonly #file: string
  readonly #schema: Entry
  readonly #entriesMax: number

  constructor(file: string, schema: Entry, entriesMax = ENTRIES_MAX) {
    this.#file = file
    this.#schema = schema
    this.#entriesMax = entriesMax
  }

  get(name: string): Static<Entry> | undefined {
    return this.#read()[name]
  }

  /** The oldest entry makes room. */
  set(name: string, entry: Static<Entry>): void {
    const { [name]: _, ...others } = this.#read()
    const kept = Object.entries(others).slice(1 - this.#entriesMax)
    const entries = { ...Object.fromEntries(kept), [name]: entry }
    const part = `${this.#file}.${process.pid}`
    try {
      writeFileSync(part, `${JSON.stringify(entries, null, 1)}\n`, { mode: 0o600 })
      renameSync(part, this.#file)
    } catch {
      // On a full disk, say; then the work is done again next time.
    }
  }

  /** Anew each time: other workers of this machine write it, too. */
  #read(): Record<string, Static<Entry>> {
    try {
      const entries: unknown = JSON.parse(readFileSync(this.#file, 'utf8'))
      const schema = Type.Record(Type.String(), this.#schema)
      return Value.Check(schema, entries) ? entries : {}
    } catch {
      return {}
    }
  }
}
