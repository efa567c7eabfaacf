/**
 * The SHA-256 of files that were hashed before, kept between starts: hashing takes a second for
 * each gigabyte. A file is the same while its path, size, inode and times of change are.
 */
import type { BigIntStats } from 'node:fs'
import { Type } from 'typebox'
import { KeptEntries } from '../kept-entries.ts'

/** A file that was changed just now may be changed again within the clock's tick. */
const SETTLED_MS = 2000

const Hashed = Type.Object({
  stamp: Type.String(),
  digest: Type.String({ pattern: '^[0-9a-f]{64}$' })
})

export class KnownDigests {
  readonly #entries: KeptEntries<typeof Hashed>
  readonly #now: () => number

  constructor(file: string, { now = Date.now, entriesMax }: KnownDigestsOptions = {}) {
    this.#entries = new KeptEntries(file, Hashed, entriesMax)
    this.#now = now
  }

  find(path: string, stats: BigIntStats): string | null {
    const known = this.#entries.get(path)
    return known?.stamp === stampOf(stats) ? known.digest : null
  }

  keep(path: string, stats: BigIntStats, digest: string): void {
    if (this.#now() - Number(stats.mtimeMs) < SETTLED_MS) return
    this.#entries.set(path, { stamp: stampOf(stats), digest })
  }
}

interface KnownDigestsOptions {
  now?: () => number
  entriesMax?: number
}

const stampOf = ({ size, ino, mtimeNs, ctimeNs }: BigIntStats): string =>
  [size, ino, mtimeNs, ctimeNs].join(' ')
