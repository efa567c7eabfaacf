/** Where the mesh of `haif up` keeps its state: in Postgres and Redis when they are given, else here. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readString, type Environment } from '#shared/config.ts'
import type { Home } from '#shared/home.ts'
import type { Service } from '#shared/lifecycle.ts'
import { stopThisProcess, reportFailure } from '#shared/lifecycle.ts'
import type { Logger } from '#shared/log.ts'
import { EmbeddedStore } from '#shared/store/embedded/embedded-store.ts'
import { sharedStateFromEnvironment, storeFromEnvironment } from '#shared/store/from-environment.ts'
import type { SharedState } from '#shared/store/shared-state.ts'
import type { Store } from '#shared/store/store.ts'

export interface OwnState {
  store: Store
  shared: SharedState
  /** To be started before whatever uses it. */
  services: Service[]
  /** Whether it opens in the background after its start. */
  opensLater: boolean
  /** Whether there is nothing in it yet. */
  isFresh: boolean
}

/** `childEnv`: of services in processes of their own; it gets what leads them to the same state. */
export function ownState(
  env: Environment,
  {
    home,
    secret,
    log,
    childEnv
  }: { home: Home; secret: Buffer; log: Logger; childEnv: Environment }
): OwnState {
  const given = readString(env, 'DATABASE_URL', '') === '' ? null : storeFromEnvironment(env, log)
  const isFresh = given === null && !existsSync(folderOf(home))
  const embedded = given === null ? embeddedStore(home, log) : null
  const store = given ?? embedded!
  const shared = sharedStateFromEnvironment(env, { secret, store, log })
  const start = async () => {
    await store.start()
    if (embedded !== null) childEnv['DATABASE_URL'] = embedded.url
    await shared.start()
  }
  const stop = async () => {
    await shared.stop()
    await store.stop()
  }
  return { store, shared, services: [{ start, stop }], opensLater: embedded !== null, isFresh }
}

const folderOf = ({ folder }: Home): string => join(folder, 'state')

function embeddedStore(home: Home, log: Logger): EmbeddedStore {
  return new EmbeddedStore({
    folder: folderOf(home),
    log,
    onFailure: (error) => {
      reportFailure(error)
      process.exitCode = 1
      stopThisProcess()
    }
  })
}
