/**
 * A mark in HAIF_HOME that something has been there: a database, tokens. What is empty after it was
 * full is an alarm, and only a mark outside of it can tell the two apart.
 */
import { existsSync, writeFileSync } from 'node:fs'

export class Mark {
  /** For messages. */
  readonly file: string
  readonly #says: string

  /** `says`: the content of the file, for a person who finds it. */
  constructor(file: string, says: string) {
    this.file = file
    this.#says = says
  }

  isSet(): boolean {
    return existsSync(this.file)
  }

  /** Throws when the disk does not take it. */
  set(): void {
    if (!this.isSet()) writeFileSync(this.file, `${this.#says}\n`, { mode: 0o600 })
  }
}
