/**
 * The embedded store for a test, or for a benchmark, which runs without the test runner's hooks.
 */
import { join } from 'node:path'
import { silentLogger } from '#shared/process/log.ts'
import { EmbeddedStore } from '#shared/store/embedded/embedded-store.ts'
import type { Migration } from '#shared/store/migrations.ts'
import type { Store } from '#shared/store/store.ts'
import { temporaryHome } from '../cli.ts'
import { atEnd, type Scope } from '../peers/peers.ts'

export interface TestStore {
  store: Store
  /** By which others reach the same database. */
  url: string
}

export async function startEmbeddedStore(
  t: Scope,
  migrations?: readonly Migration[]
): Promise<TestStore> {
  const store = new EmbeddedStore({
    folder: join(temporaryHome(t), 'state'),
    log: silentLogger(),
    onFailure: (error) => {
      throw error
    },
    ...(migrations === undefined ? {} : { migrations })
  })
  atEnd(t, () => store.stop())
  await store.start()
  await store.opened()
  return { store, url: store.url }
}
