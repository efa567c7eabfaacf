/** `haif db`: the database of this machine, or the one that DATABASE_URL names. */
import { createReadStream, createWriteStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import type { Command } from 'commander'
import { readChoice, readSecret } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { packHome, unpackHome } from '#shared/main/home-files.ts'
import { Home } from '#shared/main/home.ts'
import { createLogger, LOG_LEVELS } from '#shared/process/log.ts'
import { seal, unseal } from '#shared/process/sealed.ts'
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
    .option('--keys', `with the keys of HAIF_HOME, sealed with ${PASSPHRASE}`)
    .description('write everything into one file, also while HAIF runs')
    .action((file: string, { keys = false }: { keys?: boolean }) => backupTo(file, keys))
  db.command('restore')
    .argument('<file>', 'a backup')
    .option('--force', 'replace what is in the database')
    .option('--keys', `also the keys of HAIF_HOME, which ${PASSPHRASE} opens`)
    .description('read everything back from a backup; stop HAIF first')
    .action((file: string, options: RestoreWishes) => restoreFrom(file, options))
}

/** `HAIF_BACKUP_PASSPHRASE`, or the file that `HAIF_BACKUP_PASSPHRASE_FILE` names. */
const PASSPHRASE = 'HAIF_BACKUP_PASSPHRASE'

interface RestoreWishes {
  force?: boolean
  keys?: boolean
}

function readPassphrase(): string {
  const { env } = process
  const passphrase = readSecret(env, 'HAIF_BACKUP_PASSPHRASE')
  if (passphrase !== null) return passphrase
  throw new HaifError(
    'CONFIG_INVALID',
    `--keys needs a passphrase: set ${PASSPHRASE}, or ${PASSPHRASE}_FILE to a file that has it, ` +
      'and keep it apart from the backup'
  )
}

async function migrateNow(): Promise<void> {
  await useOwnStore(false, async (store) => {
    const [row] = await store.query<{ count: number; name: string }>(
      'select count(*) as count, max(name) as name from schema_migrations'
    )
    say(`up to date: ${row!.count} migrations, the last one ${row!.name}`)
  })
}

async function backupTo(file: string, withKeys: boolean): Promise<void> {
  const { backup, checkBackup } = await import('#shared/store/backup.ts')
  const { loadMigrations } = await import('#shared/store/migrations.ts')
  await refuseExisting(file)
  const home = new Home(process.env)
  const keys = withKeys ? seal(packHome(home.folder), readPassphrase()) : null
  const part = `${file}.part`
  try {
    const rows = await useOwnStore(false, async (store) => {
      const lines = new Readable({ read() {} })
      const written = pipeline(lines, createGzip(), createWriteStream(part, { mode: 0o600 }))
      written.catch((error: Error) => lines.destroy(error))
      const write = async (line: string) => {
        if (lines.destroyed) await written
        // The gate: no more in memory than what the disk takes.
        if (!lines.push(`${line}\n`)) await drained(lines)
      }
      const counts = await backup(store, write, { keys })
      lines.push(null)
      await written
      return counts
    })
    // A file that cannot be read back is no backup.
    await checkBackup(linesOf(part), loadMigrations())
    await rename(part, file)
    const also = withKeys ? ', with the keys of this machine' : ''
    say(`${total(rows)} rows of ${Object.keys(rows).length} tables are in ${file}${also}`)
    if (!withKeys) say('without the keys of this machine: tokens are void without its token.pepper')
  } finally {
    await rm(part, { force: true })
  }
}

async function restoreFrom(file: string, { force = false, keys = false }: RestoreWishes) {
  const { checkBackup, restore } = await import('#shared/store/backup.ts')
  const { loadMigrations } = await import('#shared/store/migrations.ts')
  await assertReadable(file)
  const migrations = loadMigrations()
  // What cannot be opened is known before anything is touched.
  const packed = keys ? openKeys((await checkBackup(linesOf(file), migrations)).keys, file) : null
  const rows = await useOwnStore(true, (store) =>
    restore(store, () => linesOf(file), { force, migrations })
  )
  say(`${total(rows)} rows of ${Object.keys(rows).length} tables are restored from ${file}`)
  if (packed === null) return
  const { folder } = new Home(process.env)
  say(`${unpackHome(packed, folder).length} files of keys are restored into ${folder}`)
}

function openKeys(sealed: unknown, file: string): Buffer {
  if (sealed !== null) return unseal(sealed, readPassphrase())
  throw new HaifError(
    'BACKUP_INVALID',
    `${file} has no keys in it: leave --keys out, and bring HAIF_HOME back from a copy`
  )
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
