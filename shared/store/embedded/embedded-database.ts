/**
 * The Postgres that comes with HAIF (PGlite), in a thread of this process and in a folder of this
 * machine. Clients reach it by a connection string like any other Postgres: those of this process,
 * those of the services that it has started, and commands like `haif db backup`.
 *
 * It does not notice when two processes open one folder, and destroys what is in it. So a lock that
 * the kernel holds is taken first.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { HaifError } from '#shared/errors.ts'
import { lockFile, type FileLock } from '#shared/process/file-lock.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import { diskError } from '#shared/trouble/disk.ts'
import { openingError } from './folder.ts'
import type { ThreadData, ThreadNews } from './thread.ts'

/** Time for a command that has the database open, or a process that is stopping, to end. */
const LOCK_MS_MAX = 10_000
const LOCK_POLL_MS = 50
/** Time to close the database in good order. */
const STOP_MS_MAX = 3000

interface EmbeddedDatabaseOptions {
  /** Its own: it has the lock, the address and the data. */
  folder: string
  /** It cannot be opened, or has ended by itself. */
  onFailure: (error: unknown) => void
  lockMsMax?: number
  /** Says, outside the folder, that there has been a database. Null: nothing says so. */
  mark?: DatabaseMark | null
}

/** See `Mark` of HAIF_HOME. */
export interface DatabaseMark {
  isSet(): boolean
  set(): void
}

export class EmbeddedDatabase implements Service {
  readonly #options: EmbeddedDatabaseOptions
  #lock: FileLock | null = null
  #thread: Worker | null = null
  #ended: Promise<unknown> = Promise.resolve()
  #url = ''
  #stopping = false

  constructor(options: EmbeddedDatabaseOptions) {
    this.#options = options
  }

  /** The connection string; valid once the database has started. */
  get url(): string {
    return this.#url
  }

  /** Resolves when clients may connect; their first statements wait until the database is open. */
  async start(): Promise<void> {
    const { folder, onFailure, lockMsMax = LOCK_MS_MAX, mark = null } = this.#options
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      this.#lock = await lockWithin(lockMsMax, folder)
    } catch (error) {
      throw diskError(folder, error)
    }
    const password = randomBytes(32).toString('hex')
    const mustExist = mark?.isSet() ?? false
    const workerData: ThreadData = { folder: databaseFolder(folder), password, mustExist }
    const thread = new Worker(new URL('thread.ts', import.meta.url), { workerData })
    this.#thread = thread
    const { promise: listening, resolve, reject } = Promise.withResolvers<number>()
    const fail = (error: unknown) => {
      reject(error)
      if (!this.#stopping) onFailure(error)
    }
    thread.on('message', (news: ThreadNews) => {
      if (news.kind === 'listening') resolve(news.port)
      if (news.kind === 'open') setQuietly(mark)
      if (news.kind === 'failed') fail(new HaifError(news.code, news.message))
    })
    thread.on('error', (error) => fail(openingError(databaseFolder(folder), error)))
    this.#ended = new Promise((onEnd) => thread.once('exit', onEnd))
    this.#url = `postgres://haif:${password}@127.0.0.1:${await listening}/haif`
    try {
      writeFileSync(join(folder, 'url'), this.#url, { mode: 0o600 })
    } catch (error) {
      throw diskError(folder, error)
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#thread !== null) {
      rmSync(join(this.#options.folder, 'url'), { force: true })
      this.#thread.postMessage('stop')
      await Promise.race([this.#ended, sleep(STOP_MS_MAX, undefined, { ref: false })])
      await this.#thread.terminate()
    }
    this.#lock?.release()
  }
}

/** The connection string of the database that another process has open in the folder, or null. */
export function urlOfRunning(folder: string): string | null {
  try {
    return readFileSync(join(folder, 'url'), 'utf8')
  } catch {
    return null // it has just ended, or is about to begin
  }
}

/** The folder of its files, which is not there before it is opened for the first time. */
export const databaseFolder = (folder: string): string => join(folder, 'postgres')

/** Takes the lock, or returns null while another process has it. */
export function lockDatabase(folder: string): FileLock | null {
  return lockFile(join(folder, 'lock'))
}

async function lockWithin(msMax: number, folder: string): Promise<FileLock> {
  const deadline = performance.now() + msMax
  for (;;) {
    const lock = lockDatabase(folder)
    if (lock !== null) return lock
    if (performance.now() > deadline) {
      throw new HaifError(
        'HOME_IN_USE',
        `another process has the database in ${folder} open: ` +
          'stop it first, or set HAIF_HOME to another folder'
      )
    }
    await sleep(LOCK_POLL_MS)
  }
}

/** A disk that takes no mark now takes it at a later start. */
function setQuietly(mark: DatabaseMark | null): void {
  try {
    mark?.set()
  } catch {
    // Without it a lost database is only noticed by its tokens.
  }
}
