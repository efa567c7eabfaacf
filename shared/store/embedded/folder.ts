/** The files of the embedded database, before it opens them: are they all there, and writable? */
import { accessSync, constants, existsSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { HaifError } from '#shared/errors.ts'
import { diskTrouble } from '#shared/trouble/disk.ts'
import { sentenceOf, wordsOf } from '#shared/trouble/trouble.ts'

/** Without one of these it would be made anew, over what is left of it. */
const NEEDED = ['PG_VERSION', 'global/pg_control', 'base', 'pg_wal']
/** A new one takes 40 MB. */
const ROOM_BYTES_MIN = 64e6

/** Its folder while it is made: nobody has stored anything in it yet. */
export const unfinishedMark = (folder: string): string => `${folder}.unfinished`

/**
 * Looks at the folder before it is opened, and throws what would destroy it or would fail without
 * saying why. `mustExist`: there was a database before. Returns whether a new one is to be made.
 */
export function inspectFolder(folder: string, mustExist: boolean): boolean {
  if (existsSync(unfinishedMark(folder))) rmSync(folder, { recursive: true, force: true })
  const isNew = !existsSync(folder) || readdirSync(folder).length === 0
  if (isNew && mustExist) {
    throw new HaifError(
      'STATE_LOST',
      `the database in ${folder} is gone, and there was one: see that its disk is mounted, or ` +
        'bring it back from a copy, or restore a backup with "haif db restore"'
    )
  }
  if (isNew) {
    assertRoom(dirname(folder))
    return true
  }
  const missing = NEEDED.filter((name) => !existsSync(join(folder, name)))
  if (missing.length > 0) {
    throw new HaifError(
      'STATE_LOST',
      `the database in ${folder} is incomplete (${missing.join(', ')} missing), and is left as ` +
        `it is: ${HOW_TO_RESTORE}`
    )
  }
  accessSync(folder, constants.W_OK)
  return false
}

function assertRoom(folder: string): void {
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize >= ROOM_BYTES_MIN) return
  throw Object.assign(new Error(`${Math.floor((bavail * bsize) / 1e6)} MB free`), {
    code: 'ENOSPC'
  })
}

const HOW_TO_RESTORE =
  'bring the missing files back, or keep a copy of that folder, move it aside, and restore the ' +
  'last backup with "haif db restore"'

/** The failure of an opening in words that say what to do. */
export function openingError(folder: string, error: unknown): HaifError {
  if (error instanceof HaifError) return error
  const thing = `the embedded database in ${folder}`
  const trouble = diskTrouble(isFull(folder) ? { code: 'ENOSPC' } : error)
  if (trouble !== null) {
    return new HaifError('DISK_UNUSABLE', sentenceOf(thing, trouble, error), { cause: error })
  }
  return new HaifError(
    'STORE_UNAVAILABLE',
    `${thing} cannot be opened (${wordsOf(error)}): ${HOW_TO_RESTORE}`,
    { cause: error }
  )
}

/** Postgres in WebAssembly breaks off without a reason when its disk is full. */
function isFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(folder))
    return bavail * bsize < FULL_BYTES
  } catch {
    return false // the folder itself is the trouble, and its error says which
  }
}

/** One segment of its log. */
const FULL_BYTES = 16 * 1024 * 1024
