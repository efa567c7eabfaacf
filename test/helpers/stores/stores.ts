/** The stores that HAIF can keep its state in; what holds for one must hold for all. */
import { silentLogger } from '#shared/process/log.ts'
import type { Migration } from '#shared/store/migrations.ts'
import { PostgresStore } from '#shared/store/postgres-store.ts'
import { startEmbeddedStore, type TestStore } from './embedded-store.ts'
import { atEnd, type Scope } from '../peers/peers.ts'
import { freshDatabase } from './postgres.ts'

interface StoreKind {
  name: 'Postgres' | 'embedded'
  /** An empty one, that ends with the test. */
  start: (t: Scope, migrations?: readonly Migration[]) => Promise<TestStore>
}

export const STORE_KINDS: readonly StoreKind[] = [
  { name: 'Postgres', start: startPostgresStore },
  { name: 'embedded', start: startEmbeddedStore }
]

export async function startPostgresStore(
  t: Scope,
  migrations?: readonly Migration[]
): Promise<TestStore> {
  const url = await freshDatabase()
  return { store: await openStore(t, url, migrations), url }
}

/** Another connection to a database. */
export async function openStore(
  t: Scope,
  url: string,
  migrations?: readonly Migration[]
): Promise<PostgresStore> {
  const given = migrations === undefined ? {} : { migrations }
  const store = new PostgresStore({ url, log: silentLogger(), ...given })
  atEnd(t, () => store.stop())
  await store.start()
  return store
}
