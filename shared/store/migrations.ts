/**
 * The numbered SQL files of migrations/, applied in their order, each once.
 *
 * Services that start together take turns by an advisory lock. A file that was applied must never
 * change: its digest is kept, and a difference stops the start, because what the database then
 * looks like is known to nobody.
 */
import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { HaifError } from '#shared/errors.ts'
import { VERSION } from '#shared/process/version.ts'
import type { Queryable } from './store.ts'

const FOLDER = new URL('migrations/', import.meta.url)
const NAME = /^(\d{4})-[a-z0-9-]+\.sql$/
/** Any number that nothing else of HAIF locks. */
const LOCK = 7_415_001

export interface Migration {
  number: number
  name: string
  sql: string
  /** SHA-256 of the file, hex. */
  digest: string
}

interface Applied extends Omit<Migration, 'sql'> {
  /** The HAIF that applied it; null: one that did not write it down. */
  version: string | null
}

export function loadMigrations(folder: URL = FOLDER): Migration[] {
  const migrations = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .toSorted()
    .map((name) => loadMigration(folder, name))
  const twice = migrations.find(({ number }, i) => number === migrations[i - 1]?.number)
  if (twice !== undefined) throw new Error(`two migrations have the number of ${twice.name}`)
  return migrations
}

function loadMigration(folder: URL, name: string): Migration {
  const number = NAME.exec(name)?.[1]
  if (number === undefined) throw new Error(`${name} is no name of a migration: 0001-what-it-does`)
  // A checkout on Windows may have other line ends; it is the same migration.
  const sql = readFileSync(new URL(name, folder), 'utf8').replaceAll('\r\n', '\n')
  return { number: Number(number), name, sql, digest: hash('sha256', sql) }
}

/** Reads, and never writes: a database that is read-only now may still be served from. */
export async function isUpToDate(
  store: Queryable,
  migrations: readonly Migration[]
): Promise<boolean> {
  const [found] = await store.query<{ there: boolean }>(
    "select to_regclass('schema_migrations') is not null as there"
  )
  if (found?.there !== true) return false
  const applied = await appliedTo(store)
  assertKnown(applied, migrations)
  return applied.length === migrations.length
}

/** Which HAIF has applied each; a column that the first of them did not have. */
async function appliedTo(store: Queryable): Promise<Applied[]> {
  return store.query<Applied>(
    `select number, name, digest, to_jsonb(m)->>'version' as version
     from schema_migrations m order by number`
  )
}

/** Applies what is missing inside the transaction `tx`. Returns the names of what it applied. */
export async function migrate(tx: Queryable, migrations: readonly Migration[]): Promise<string[]> {
  await tx.query('select pg_advisory_xact_lock($1)', [LOCK])
  await tx.query(
    `create table if not exists schema_migrations (
       number integer primary key,
       name text not null,
       digest text not null,
       applied_at timestamptz not null default now()
     );
     alter table schema_migrations add column if not exists version text`
  )
  const applied = await appliedTo(tx)
  assertKnown(applied, migrations)
  const done = new Set(applied.map(({ number }) => number))
  const missing = migrations.filter(({ number }) => !done.has(number))
  for (const { number, name, sql, digest } of missing) {
    await tx.query(sql)
    await tx.query(
      'insert into schema_migrations (number, name, digest, version) values ($1, $2, $3, $4)',
      [number, name, digest, VERSION]
    )
  }
  return missing.map(({ name }) => name)
}

function assertKnown(applied: readonly Applied[], migrations: readonly Migration[]): void {
  const known = new Map(migrations.map((migration) => [migration.number, migration]))
  for (const before of applied) assertUnchanged(before, known.get(before.number))
}

function assertUnchanged(before: Applied, now: Migration | undefined): void {
  if (now === undefined) {
    const { name, version } = before
    const writer = version === null ? 'a newer HAIF' : `HAIF ${version}, a newer one`
    throw new HaifError(
      'SCHEMA_MISMATCH',
      `the database was made by ${writer} (it has ${name}), and this is HAIF ${VERSION}: ` +
        'update HAIF on this machine, or restore a backup of before into an empty database'
    )
  }
  if (now.digest === before.digest) return
  throw new HaifError(
    'SCHEMA_MISMATCH',
    `migration ${now.name} was changed after it was applied to this database: ` +
      'restore the file as it was released, and put the change into a new migration'
  )
}
