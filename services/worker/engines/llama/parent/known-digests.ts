/**
 * The SHA-256 of files that were hashed before, kept between starts: hashing takes a second for
 * each gigabyte. A file is the same while its path, size, inode and times of change are.
 */
import { readFileSync, renameSync, writeFileSync, type BigIntStats } from 'node:fs'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'

const ENTRIES_MAX = 256
/** A file that was changed just now may be changed again within the clock's tick. */
const SETTLED_MS = 2000

const Entries = Type.Record(
  Type.String(),
  Type.Object({
    stamp: Type.String(),
    digest: Type.String({ pattern: '^[0-9a-f]{64}$' })
  })
)
type Entries = Static<typeof Entries>

export class KnownDigests {
  readonly #file: string
  readonly #now: () => number
  readonly #entriesMax: number

  constructor(file: string, { now = Date.now, entriesMax = ENTRIES_MAX } = {}) {
    this.#file = file
    this.#now = now
    this.#entriesMax = entriesMax
  }

  find(path: string, stats: BigIntStats): string | null {
    const known = this.#read()[path]
    return known?.stamp === stampOf(stats) ? known.digest : null
  }

  keep(path: string, stats: BigIntStats, digest: string): void {
    if (this.#now() - Number(stats.mtimeMs) < SETTLED_MS) return
    const { [path]: _, ...others } = this.#read()
    const kept = Object.entries(others).slice(1 - this.#entriesMax)
    const entries = { ...Object.fromEntries(kept), [path]: { stamp: stampOf(stats), digest } }
    const part = `${this.#file}.${process.pid}`
    try {
      writeFileSync(part, `${JSON.stringify(entries, null, 1)}\n`, { mode: 0o600 })
      renameSync(part, this.#file)
    } catch {
      // Where it cannot be written, as on a full disk, the file is hashed again next time.
    }
  }

  /** Anew each time: other workers of this machine write it, too. */
  #read(): Entries {
    try {
      const entries: unknown = JSON.parse(readFileSync(this.#file, 'utf8'))
      return Value.Check(Entries, entries) ? entries : {}
    } catch {
      return {}
    }
  }
}

const stampOf = ({ size, ino, mtimeNs, ctimeNs }: BigIntStats): string =>
  [size, ino, mtimeNs, ctimeNs].join(' ')
