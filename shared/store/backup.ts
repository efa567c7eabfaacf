/**
 * A backup is a text file, one JSON value a line, that any Postgres of HAIF can read, whichever it
 * was made from: first what it is, then for each table its columns and its rows as the database
 * writes them, and last a digest of everything before, so that a file that was cut off or changed
 * is noticed.
 */
import { createHash } from 'node:crypto'
import { HaifError } from '#shared/errors.ts'
import { VERSION } from '#shared/process/version.ts'
import type { Sealed } from '#shared/process/sealed.ts'
import type { Migration } from './migrations.ts'
import type { Queryable, Store } from './store.ts'

const FORMAT = 1
/** With the keys of a home in it, which a HAIF of before does not know. */
const FORMAT_WITH_KEYS = 2
/** Tables that have a row from the beginning: it does not make a database a used one. */
const SEEDED: ReadonlySet<string> = new Set(['access_state'])
/** Rows in memory at a time. */
const BATCH_ROWS = 1000

export interface BackupHead {
  haifBackup: number
  version: string
  createdAt: string
  migrations: Pick<Migration, 'number' | 'name' | 'digest'>[]
}

interface TableHead {
  table: string
  columns: string[]
}

interface BackupEnd {
  rows: Record<string, number>
  sha256: string
}

interface BackupOptions {
  /** What else belongs to a machine, sealed: see `shared/process/sealed.ts`. */
  keys?: Sealed | null
  now?: () => number
}

/** Writes one moment of the database, in lines without their ends. */
export async function backup(
  store: Store,
  write: (line: string) => Promise<void>,
  { keys = null, now = Date.now }: BackupOptions = {}
): Promise<Record<string, number>> {
  const digest = createHash('sha256')
  const emit = async (line: string) => {
    digest.update(`${line}\n`)
    await write(line)
  }
  return store.transaction(async (tx) => {
    await tx.query('set transaction isolation level repeatable read, read only')
    const migrations = await appliedMigrations(tx)
    const createdAt = new Date(now()).toISOString()
    const haifBackup = keys === null ? FORMAT : FORMAT_WITH_KEYS
    const head: BackupHead = { haifBackup, version: VERSION, createdAt, migrations }
    await emit(JSON.stringify(head))
    if (keys !== null) await emit(JSON.stringify({ sealedKeys: keys }))
    const rows: Record<string, number> = {}
    for (const table of await tablesInOrder(tx)) {
      await emit(JSON.stringify({ table, columns: await columnsOf(tx, table) } satisfies TableHead))
      rows[table] = await writeRows(tx, table, emit)
    }
    await write(JSON.stringify({ rows, sha256: digest.digest('hex') } satisfies BackupEnd))
    return rows
  })
}

async function writeRows(
  tx: Queryable,
  table: string,
  emit: (line: string) => Promise<void>
): Promise<number> {
  // The database writes the JSON: a number of any size stays what it is.
  await tx.query(
    `declare rows no scroll cursor for select row_to_json(t)::text as row from "${table}" t`
  )
  let count = 0
  for (;;) {
    const rows = await tx.query<{ row: string }>(`fetch ${BATCH_ROWS} from rows`)
    for (const { row } of rows) await emit(row)
    count += rows.length
    if (rows.length < BATCH_ROWS) break
  }
  await tx.query('close rows')
  return count
}

export interface RestoreOptions {
  /** True: rows that are there may be replaced. */
  force: boolean
  migrations: readonly Migration[]
}

/**
 * Reads the lines twice: whether the backup is whole is known before anything is touched. All of it
 * is restored, or nothing.
 */
export async function restore(
  store: Store,
  open: () => AsyncIterable<string>,
  { force, migrations }: RestoreOptions
): Promise<Record<string, number>> {
  const { rows } = await checkBackup(open(), migrations)
  return store.transaction(async (tx) => {
    const tables = await tablesInOrder(tx)
    const full = await firstWithRows(
      tx,
      tables.filter((table) => !SEEDED.has(table))
    )
    if (full !== null && !force) {
      throw new HaifError(
        'STORE_NOT_EMPTY',
        `the database is not empty (${full} has rows): give --force to replace what is in it`
      )
    }
    if (tables.length > 0) await tx.query(`truncate ${tables.map(quoted).join(', ')}`)
    const restored = await readRows(tx, open())
    for (const [table, count] of Object.entries(rows)) {
      if (restored[table] !== count) throw damaged(`${table} has other rows than it says`)
    }
    await continueSequences(tx)
    return restored
  })
}

/** Throws when it is not whole, was changed, or is of a HAIF that is newer than this one. */
export async function checkBackup(
  lines: AsyncIterable<string>,
  migrations: readonly Migration[]
): Promise<BackupEnd & { head: BackupHead; keys: unknown }> {
  const digest = createHash('sha256')
  let head: BackupHead | null = null
  let last: string | null = null
  let keys: unknown = null
  for await (const line of lines) {
    if (last !== null) digest.update(`${last}\n`)
    head ??= headOf(line)
    if (line.startsWith(KEYS)) keys = (parsed(line) as { sealedKeys?: unknown } | null)?.sealedKeys
    last = line
  }
  const end = last === null ? null : endOf(last)
  if (head === null || end === null) throw damaged('its end is missing')
  if (digest.digest('hex') !== end.sha256) throw damaged('its content does not match its digest')
  const known = new Map(migrations.map((migration) => [migration.name, migration.digest]))
  const foreign = head.migrations.find(({ name, digest: its }) => known.get(name) !== its)
  if (foreign === undefined) return { ...end, head, keys }
  throw new HaifError(
    'SCHEMA_MISMATCH',
    `the backup was made by HAIF ${head.version} and needs ${foreign.name}, ` +
      `which this HAIF (${VERSION}) does not have: ` +
      'restore it with the HAIF that made it, or a newer one'
  )
}

async function readRows(
  tx: Queryable,
  lines: AsyncIterable<string>
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  let head: TableHead | null = null
  let batch: string[] = []
  const insert = async () => {
    if (head === null || batch.length === 0) return
    const columns = head.columns.map(quoted).join(', ')
    await tx.query(
      `insert into ${quoted(head.table)} (${columns}) overriding system value
       select ${columns} from jsonb_populate_recordset(null::${quoted(head.table)}, $1::jsonb)`,
      [`[${batch.join(',')}]`]
    )
    counts[head.table] = counts[head.table]! + batch.length
    batch = []
  }
  for await (const line of lines) {
    const next = structureOf(line)
    if (next === 'row') batch.push(line)
    if (next !== 'row' || batch.length >= BATCH_ROWS) await insert()
    if (next === 'row' || next === 'other') continue
    head = next
    counts[next.table] = 0
  }
  return counts
}

/** Nearly all lines are rows, which begin with the name of a column and never with one of these. */
function structureOf(line: string): TableHead | 'row' | 'other' {
  if (line.startsWith('{"table":') && line.includes('"columns":'))
    return JSON.parse(line) as TableHead
  const isOther = ['{"haifBackup":', '{"rows":', KEYS].some((begin) => line.startsWith(begin))
  return isOther ? 'other' : 'row'
}

const KEYS = '{"sealedKeys":'

function headOf(line: string): BackupHead {
  const head = parsed(line) as Partial<BackupHead> | null
  const known = [FORMAT, FORMAT_WITH_KEYS]
  if (known.includes(head?.haifBackup ?? NaN)) return head as BackupHead
  if (typeof head?.haifBackup === 'number') {
    const { version = 'a newer one' } = head
    throw damaged(`it was made by HAIF ${version}, in a format that this one does not know`)
  }
  throw new HaifError('BACKUP_INVALID', 'the file is not a backup of HAIF')
}

function endOf(line: string): BackupEnd | null {
  const end = parsed(line) as Partial<BackupEnd> | null
  return typeof end?.sha256 === 'string' ? (end as BackupEnd) : null
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}

const damaged = (how: string): HaifError =>
  new HaifError('BACKUP_INVALID', `the backup cannot be used: ${how}`)

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

function appliedMigrations(tx: Queryable): Promise<BackupHead['migrations']> {
  return tx.query('select number, name, digest from schema_migrations order by number')
}

/** A table comes after those that it refers to. */
async function tablesInOrder(tx: Queryable): Promise<string[]> {
  const tables = await tx.query<{ name: string; needs: string[] }>(
    `select c.relname as name, coalesce(array_agg(f.relname::text) filter (
         where f.relname is not null and f.oid <> c.oid), '{}') as needs
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
       left join pg_constraint r on r.conrelid = c.oid and r.contype = 'f'
       left join pg_class f on f.oid = r.confrelid
     where n.nspname = current_schema() and c.relkind = 'r' and c.relname <> 'schema_migrations'
     group by c.relname order by c.relname`
  )
  const ordered: string[] = []
  for (let left = tables; left.length > 0;) {
    const free = left.filter(({ needs }) => needs.every((need) => ordered.includes(need)))
    if (free.length === 0) throw new Error('tables refer to each other in a circle')
    ordered.push(...free.map(({ name }) => name))
    left = left.filter((table) => !free.includes(table))
  }
  return ordered
}

async function columnsOf(tx: Queryable, table: string): Promise<string[]> {
  const columns = await tx.query<{ column_name: string }>(
    `select column_name from information_schema.columns
     where table_schema = current_schema() and table_name = $1 and is_generated = 'NEVER'
     order by ordinal_position`,
    [table]
  )
  return columns.map(({ column_name: name }) => name)
}

async function firstWithRows(tx: Queryable, tables: readonly string[]): Promise<string | null> {
  for (const table of tables) {
    const rows = await tx.query(`select 1 from ${quoted(table)} limit 1`)
    if (rows.length > 0) return table
  }
  return null
}

/** Sets the sequences behind the restored rows, so that the next number is new. */
async function continueSequences(tx: Queryable): Promise<void> {
  const columns = await tx.query<{ table: string; column: string; sequence: string }>(
    `select table_name as table, column_name as column,
       pg_get_serial_sequence(quote_ident(table_name), column_name) as sequence
     from information_schema.columns where table_schema = current_schema()
       and pg_get_serial_sequence(quote_ident(table_name), column_name) is not null`
  )
  for (const { table, column, sequence } of columns) {
    const next = `select coalesce(max(${quoted(column)}), 0) + 1 from ${quoted(table)}`
    await tx.query(`select setval($1, (${next}), false)`, [sequence])
  }
}
