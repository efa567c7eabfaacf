/** A database folder that is damaged, gone or on a bad disk stops the start, and stays as it is. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Mark } from '#shared/main/mark.ts'
import { silentLogger } from '#shared/process/log.ts'
import { EmbeddedStore } from '#shared/store/embedded/embedded-store.ts'
import { inspectFolder, openingError, unfinishedMark } from '#shared/store/embedded/folder.ts'
import { temporaryHome } from '../../../helpers/cli.ts'
import { assertNoForbiddenWords } from '../../../helpers/forbidden-words.ts'
import { NO_SMALL_DISK, smallDisk } from '../../../helpers/stores/small-disk.ts'

/** The files that a database has, without their content. */
function somethingLikeADatabase(folder: string): void {
  for (const name of ['base', 'global', 'pg_wal'])
    mkdirSync(join(folder, name), { recursive: true })
  for (const name of ['PG_VERSION', 'global/pg_control']) writeFileSync(join(folder, name), '17')
}

function refusalOf(work: () => unknown): { code: string; message: string } {
  try {
    work()
  } catch (error) {
    return openingError('/home/state/postgres', error)
  }
  throw new Error('it was taken')
}

test('a folder that lacks a part of the database is left as it is', (t) => {
  for (const missing of ['PG_VERSION', 'global/pg_control', 'base', 'pg_wal']) {
    const folder = join(temporaryHome(t), 'postgres')
    somethingLikeADatabase(folder)
    assert.equal(inspectFolder(folder, true), false)
    rmSync(join(folder, missing), { recursive: true })
    const before = readdirSync(folder, { recursive: true })
    const { code, message } = refusalOf(() => inspectFolder(folder, false))
    assert.equal(code, 'STATE_LOST')
    assert.match(message, new RegExp(`${missing} missing.*left as it is.*keep a copy.*db restore`))
    assert.deepEqual(readdirSync(folder, { recursive: true }), before)
  }
})

test('a new one is made where there was none, and never where there was one', (t) => {
  const folder = join(temporaryHome(t), 'postgres')
  assert.equal(inspectFolder(folder, false), true)
  mkdirSync(folder)
  assert.equal(inspectFolder(folder, false), true)
  const { code, message } = refusalOf(() => inspectFolder(folder, true))
  assert.equal(code, 'STATE_LOST')
  assert.match(message, /is gone, and there was one.*mounted.*db restore/)
})

test('one whose making was broken off has nothing in it, and is made again', (t) => {
  const folder = join(temporaryHome(t), 'postgres')
  mkdirSync(join(folder, 'base'), { recursive: true })
  writeFileSync(unfinishedMark(folder), '')
  assert.equal(inspectFolder(folder, false), true)
  assert.ok(!existsSync(folder))
})

test('a disk without room for a new one is said to be full', { skip: NO_SMALL_DISK }, (t) => {
  const disk = smallDisk(t, 12)
  const { code, message } = refusalOf(() => inspectFolder(join(disk.folder, 'postgres'), false))
  assert.equal(code, 'DISK_UNUSABLE')
  assert.match(message, /has no more room \(\d+ MB free\): make room on that disk/)
  assertNoForbiddenWords(message)
})

test(
  'Postgres that breaks off on a full disk is not called damaged',
  { skip: NO_SMALL_DISK },
  (t) => {
    const disk = smallDisk(t, 8)
    const folder = join(disk.folder, 'postgres')
    somethingLikeADatabase(folder)
    const aborted = new Error('Aborted(). Build with -sASSERTIONS for more info.')
    assert.match(openingError(folder, aborted).message, /has no more room .*make room/)
    const other = join(temporaryHome(t), 'postgres')
    assert.match(openingError(other, aborted).message, /cannot be opened \(Aborted.*keep a copy/)
  }
)

/** Opens the store, and gives the reason when it cannot be opened. */
async function openStore(folder: string, mark: Mark | null): Promise<string | null> {
  const { promise: failed, resolve } = Promise.withResolvers<string>()
  const store = new EmbeddedStore({
    folder,
    log: silentLogger(),
    mark,
    onFailure: (error) => resolve((error as Error).message)
  })
  const opened = store.start().then(() => store.opened())
  // Once it has begun to open, its failure says why.
  const begun = opened.then(
    () => null,
    (error: Error) => error.message
  )
  try {
    return await Promise.race([failed, begun])
  } finally {
    await store.stop()
  }
}

test(
  'a database that was used stops the start when its disk is full, its files are gone, or all of it',
  { skip: NO_SMALL_DISK },
  async (t) => {
    const disk = smallDisk(t, 120)
    const folder = join(disk.folder, 'state')
    const mark = new Mark(join(disk.folder, 'database.mark'), 'there has been one')
    assert.equal(await openStore(folder, mark), null)
    assert.ok(mark.isSet())
    disk.fill()
    const full = await openStore(folder, mark)
    disk.empty()
    assert.match(full!, /has no more room .*make room/)
    assertNoForbiddenWords(full)
    assert.equal(await openStore(folder, mark), null)
    for (const name of ['PG_VERSION', 'base']) {
      rmSync(join(folder, 'postgres', name), { recursive: true })
    }
    assert.match((await openStore(folder, mark))!, /is incomplete \(PG_VERSION, base missing\)/)
    rmSync(join(folder, 'postgres'), { recursive: true })
    assert.match((await openStore(folder, mark))!, /is gone, and there was one/)
    assert.ok(!existsSync(join(folder, 'postgres')))
  }
)
