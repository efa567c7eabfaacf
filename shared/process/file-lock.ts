/**
 * A lock between processes that the kernel holds: it cannot be passed while its holder lives, and
 * `kill -9` releases it. SQLite takes it for us, the same way on every platform.
 */
import { rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { diskError } from '#shared/trouble/disk.ts'

export interface FileLock {
  release(): void
}

/** Locks held by this process, so that none is garbage collected and so released. */
const held = new Set<DatabaseSync>()

/** Null when another holder has it. The holder keeps it until it releases it or ends. */
export function lockFile(file: string): FileLock | null {
  const database = openedFile(file)
  try {
    // Nothing is ever written, so no journal is wanted beside the file.
    database.exec('pragma journal_mode = memory; pragma locking_mode = exclusive; begin exclusive')
  } catch (error) {
    database.close()
    const { errcode } = error as { errcode?: number }
    if (errcode === SQLITE_BUSY) return null
    if (errcode !== SQLITE_NOTADB) throw diskError(file, error)
    rmSync(file) // somebody has written into it: it never holds anything
    return lockFile(file)
  }
  held.add(database)
  return {
    release() {
      if (held.delete(database)) database.close()
    }
  }
}

function openedFile(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file)
  } catch (error) {
    throw diskError(file, error)
  }
}

/** https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5
const SQLITE_NOTADB = 26
