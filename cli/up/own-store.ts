/**
 * Where this machine keeps its state: `DATABASE_URL`, or the embedded database in HAIF_HOME, which
 * `haif up` may have open at the same time as a command like `haif db backup`.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readString, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import type { Home } from '#shared/main/home.ts'
import { reportFailure } from '#shared/main/report-failure.ts'
import type { Logger } from '#shared/process/log.ts'
import {
  databaseFolder,
  lockDatabase,
  urlOfRunning
} from '#shared/store/embedded/embedded-database.ts'
import { EmbeddedStore } from '#shared/store/embedded/embedded-store.ts'
import { postgresFromEnvironment } from '#shared/store/from-environment.ts'
import { PostgresStore } from '#shared/store/postgres-store.ts'
import type { Store } from '#shared/store/store.ts'

export interface OwnStore {
  store: Store
  /** For services in processes of their own; valid once the store has started. */
  url: () => string
  /** True when it opens in the background after its start: the first callers that need it wait. */
  opensLater: boolean
  /** True when nothing was ever kept in it. */
  isFresh: boolean
  /** Ends the process, with the reason. */
  onFailure: (error: unknown) => void
}

interface OwnStoreOptions {
  /** The database may be made anew where there was one, as to restore a backup into it. */
  mayBeNew?: boolean
}

/** For `haif up`, which ends when its state cannot be used. */
export function ownStore(
  env: Environment,
  home: Home,
  log: Logger,
  { mayBeNew = false }: OwnStoreOptions = {}
): OwnStore {
  const given = postgresFromEnvironment(env, log)
  const onFailure = (error: unknown) => {
    reportFailure(error)
    process.exit(1)
  }
  if (given !== null) {
    return { store: given, url: () => given.url, opensLater: false, isFresh: false, onFailure }
  }
  const { databaseMark, tokensMark, state } = home
  const wasThere = databaseMark.isSet() || tokensMark.isSet()
  const isFresh = !wasThere && !existsSync(databaseFolder(state))
  const mark = mayBeNew ? null : databaseMark
  const store = new EmbeddedStore({ folder: state, log, onFailure, mark })
  return { store, url: () => store.url, opensLater: true, isFresh, onFailure }
}

export interface UseStoreOptions {
  env: Environment
  home: Home
  log: Logger
  /** Nobody else may have the embedded database open. */
  alone?: boolean
}

/** For a command: opens the store, or uses that of the `haif up` that runs, and closes it again. */
export async function useStore<Result>(
  options: UseStoreOptions,
  work: (store: Store) => Promise<Result>
): Promise<Result> {
  const store = storeForCommand(options)
  try {
    await store.start()
    return await work(store)
  } finally {
    await store.stop()
  }
}

function storeForCommand({ env, home, log, alone = false }: UseStoreOptions): Store {
  const running = readString(env, 'DATABASE_URL', '') === '' ? runningUrl(home.state) : null
  if (running === null) return ownStore(env, home, log, { mayBeNew: alone }).store
  if (!alone) return new PostgresStore({ url: running, log })
  throw new HaifError(
    'HOME_IN_USE',
    `"haif up" runs on ${home.folder} and has its database open: stop it first`
  )
}

function runningUrl(folder: string): string | null {
  if (!existsSync(join(folder, 'url'))) return null
  const lock = lockDatabase(folder)
  if (lock === null) return urlOfRunning(folder)
  lock.release() // what is written there was left by one that was killed
  return null
}
