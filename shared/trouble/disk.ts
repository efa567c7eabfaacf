/**
 * Trouble with the disk of this machine, by errno, by the result codes of SQLite
 * (https://www.sqlite.org/rescode.html) and by the numbers of Emscripten, inside which the embedded
 * database runs.
 */
import { HaifError } from '#shared/errors.ts'
import { codeOf, sentenceOf, type Trouble } from './trouble.ts'

const FULL: Trouble = {
  kind: 'refuses writes',
  what: 'has no more room',
  remedy: 'make room on that disk'
}
const READ_ONLY: Trouble = {
  kind: 'refuses writes',
  what: 'is read-only',
  remedy: 'mount it writable, or set HAIF_HOME to a folder that is'
}
const NO_RIGHTS: Trouble = {
  kind: 'refuses us',
  what: 'belongs to somebody else',
  remedy: 'give it to the user that runs HAIF (chown -R), or set HAIF_HOME to another folder'
}
const NO_FILES: Trouble = {
  kind: 'away',
  what: 'cannot be opened, as this process may open no more files',
  remedy: 'raise the limit on open files (ulimit -n 4096) and start again'
}
const BROKEN: Trouble = {
  kind: 'refuses writes',
  what: 'cannot be read or written',
  remedy: 'check the disk and the log of the kernel, and copy what can still be read'
}
const MISSING: Trouble = {
  kind: 'refuses us',
  what: 'is not there',
  remedy: 'bring it back, or check that its disk is mounted'
}
const UNOPENED: Trouble = {
  kind: 'refuses us',
  what: 'cannot be opened',
  remedy:
    'see that its folder is there and belongs to the user that runs HAIF, that its disk has room, ' +
    'and that the process may open files (ulimit -n)'
}
const IN_USE: Trouble = {
  kind: 'away',
  what: 'is in use by another process',
  remedy: 'stop that process'
}
const DAMAGED: Trouble = {
  kind: 'bad input',
  what: 'is damaged',
  remedy: 'keep a copy of it, and restore a backup'
}

const BY_ERRNO: Record<string, Trouble> = {
  ENOSPC: FULL,
  EDQUOT: { ...FULL, what: 'has no more room for this user', remedy: 'raise the quota' },
  EFBIG: { ...FULL, what: 'takes no larger file', remedy: 'raise the limit (ulimit -f)' },
  EROFS: READ_ONLY,
  EACCES: NO_RIGHTS,
  EPERM: NO_RIGHTS,
  EMFILE: NO_FILES,
  ENFILE: NO_FILES,
  EIO: BROKEN,
  ENXIO: BROKEN,
  ESTALE: BROKEN,
  ENOENT: MISSING,
  ENOTDIR: MISSING,
  EISDIR: {
    kind: 'bad input',
    what: 'is a folder where a file should be',
    remedy: 'move it away'
  },
  ELOOP: { kind: 'bad input', what: 'is a link that leads nowhere', remedy: 'move the link away' },
  ETIMEDOUT: {
    kind: 'away',
    what: 'is slow',
    remedy: 'see what keeps its disk busy, or whether it fails (the log of the kernel says so)'
  },
  EBUSY: IN_USE,
  ETXTBSY: IN_USE
}

/** The extended codes of SQLite end with one of these in their lowest byte. */
const BY_SQLITE: Record<number, Trouble> = {
  3: NO_RIGHTS, // PERM
  5: IN_USE, // BUSY
  6: IN_USE, // LOCKED
  8: READ_ONLY,
  10: BROKEN, // IOERR
  11: DAMAGED, // CORRUPT
  13: FULL,
  14: UNOPENED,
  26: DAMAGED // NOTADB
}
/** Failures of reading and writing that come from a full disk: SHMSIZE, WRITE, FSYNC, TRUNCATE. */
const SQLITE_OF_FULL_DISKS: ReadonlySet<number> = new Set([4874, 778, 1034, 1546])

/** Emscripten numbers errors as WASI does. */
const BY_WASI: Record<number, Trouble> = {
  2: NO_RIGHTS,
  19: BY_ERRNO['EDQUOT']!,
  22: BY_ERRNO['EFBIG']!,
  29: BROKEN,
  33: NO_FILES,
  41: NO_FILES,
  44: MISSING,
  51: FULL,
  63: NO_RIGHTS,
  69: READ_ONLY
}

/** Null when the error is not the disk's. */
export function diskTrouble(error: unknown): Trouble | null {
  const { errcode, errno, name } = (error ?? {}) as Record<string, unknown>
  const known = BY_ERRNO[codeOf(error)]
  if (known !== undefined) return known
  if (typeof errcode === 'number') {
    return SQLITE_OF_FULL_DISKS.has(errcode) ? FULL : (BY_SQLITE[errcode & 0xff] ?? BROKEN)
  }
  // Node's own errors have a negative number, and a code beside it.
  const isEmscripten = name === 'ErrnoError' && typeof errno === 'number' && errno > 0
  return isEmscripten ? (BY_WASI[errno] ?? BROKEN) : null
}

/** The failure of a start that needs `path`, in words; what is not the disk's stays as it is. */
export function diskError(path: string, error: unknown): unknown {
  const trouble = error instanceof HaifError ? null : diskTrouble(error)
  if (trouble === null) return error
  return new HaifError('DISK_UNUSABLE', sentenceOf(path, trouble, error), { cause: error })
}
