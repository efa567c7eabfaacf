/** `haif db`: the database of this machine, or the one that DATABASE_URL names. */
import { createReadStream, createWriteStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import type { Command } from 'commander'
import { readChoice } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { Home } from '#shared/main/home.ts'
import { createLogger, LOG_LEVELS } from '#shared/process/log.ts'
import type { Store } from '#shared/store/store.ts'

export function addDbCommand(program: Command): void {
  const db = program
    .command('db')
    .description('back up, restore or update the database (DATABASE_URL, or the one in HAIF_HOME)')
  db.command('migrate')
    .description('bring the tables up to date; services do that by themselves when they start')
    .action(() => migrateNow())
  db.command('backup')
    .argument('<file>', 'where to write it; it must not be there yet')
    .description('write everything into one file, also while HAIF runs')
    .action((file: string) => backupTo(file))
  db.command('restore')
    .argument('<file>', 'a backup')
    .option('--force', 'replace what is in the database')
    .description('read everything back from a backup; stop HAIF first')
    .action((file: string, { force = false }: { force?: boolean }) => restoreFrom(file, force))
}

async function migrateNow(): Promise<void> {
  await useOwnStore(false, async (store) => {
    const [row] = await store.query<{ count: number; name: string }>(
      'select count(*) as count, max(name) as name from schema_migrations'
    )
    say(`up to date: ${row!.count} migrations, the last one ${row!.name}`)
  })
}

async function backupTo(file: string): Promise<void> {
  const { backup, checkBackup } = await import('#shared/store/backup.ts')
  const { loadMigrations } = await import('#shared/store/migrations.ts')
  await refuseExisting(file)
  const part = `${file}.part`
  try {
    const rows = await useOwnStore(false, async (store) => {
      const lines = new Readable({ read() {} })
      const written = pipeline(lines, createGzip(), createWriteStream(part, { mode: 0o600 }))
      written.catch((error: Error) => lines.destroy(error))
      const counts = await backup(store, async (line) => {
        if (lines.destroyed) await written
        // The gate: no more in memory than what the disk takes.
        if (!lines.push(`${line}\n`)) await drained(lines)
      })
      lines.push(null)
      await written
      return counts
    })
    // A file that cannot be read back is no backup.
    await checkBackup(linesOf(part), loadMigrations())
    await rename(part, file)
    say(`${total(rows)} rows of ${Object.keys(rows).length} tables are in ${file}`)
  } finally {
    await rm(part, { force: true })
  }
}

async function restoreFrom(file: string, force: boolean): Promise<void> {
  const { restore } = await import('#shared/store/backup.ts')
  const { loadMigrations } = await import('#shared/store/migrations.ts')
  await assertReadable(file)
  const rows = await useOwnStore(true, (store) =>
    restore(store, () => linesOf(file), { force, migrations: loadMigrations() })
  )
  say(`${total(rows)} rows of ${Object.keys(rows).length} tables are restored from ${file}`)
}

async function useOwnStore<Result>(
  alone: boolean,
  work: (store: Store) => Promise<Result>
): Promise<Result> {
  const { env } = process
  const { useStore } = await import('../up/own-store.ts')
  const log = createLogger(readChoice(env, 'LOG_LEVEL', LOG_LEVELS, 'warn'), 'db')
  return useStore({ env, home: new Home(env), log, alone }, work)
}

/** Until what was pushed has been taken. */
async function drained(lines: Readable): Promise<void> {
  while (!lines.destroyed && lines.readableLength > lines.readableHighWaterMark) {
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function* linesOf(file: string): AsyncGenerator<string, void, void> {
  const raw = createReadStream(file).pipe(createGunzip())
  try {
    yield* createInterface({ input: raw, crlfDelay: Infinity })
  } catch (error) {
    throw new HaifError('BACKUP_INVALID', `${file} cannot be read as a backup`, { cause: error })
  } finally {
    raw.destroy()
  }
}

async function refuseExisting(file: string): Promise<void> {
  try {
    await (await open(file, 'wx', 0o600)).close()
    await rm(file) // it is taken when the backup is whole
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'EEXIST' ? 'it is there already' : `it cannot be written (${code})`
    throw new HaifError('CONFIG_INVALID', `${file}: ${why}; choose another name`, { cause: error })
  }
}

async function assertReadable(file: string): Promise<void> {
  try {
    await (await open(file, 'r')).close()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new HaifError('CONFIG_INVALID', `${file} cannot be read (${code})`, { cause: error })
  }
}

const total = (rows: Record<string, number>): number =>
  Object.values(rows).reduce((sum, each) => sum + each, 0)

const say = (line: string): boolean => process.stdout.write(`${line}\n`)
