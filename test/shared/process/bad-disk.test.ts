/** What HAIF needs of its home is refused in words that say which disk, and what to do with it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { Home } from '#shared/main/home.ts'
import { lockFile } from '#shared/process/file-lock.ts'
import { assertOpenFiles } from '#shared/process/open-files.ts'
import { loadSecretFile } from '#shared/process/secret-file.ts'
import { temporaryHome } from '../../helpers/cli.ts'
import { assertNoForbiddenWords } from '../../helpers/forbidden-words.ts'
import { NO_SMALL_DISK, smallDisk } from '../../helpers/stores/small-disk.ts'

const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

function refusalOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    assertNoForbiddenWords(message)
    return `${code} ${message}`
  }
  return 'it works'
}

test('a full disk', { skip: NO_SMALL_DISK }, (t) => {
  const disk = smallDisk(t, 1)
  disk.fill()
  const makes = /^DISK_UNUSABLE .*\.key has no more room \(ENOSPC.*\): make room on that disk$/
  assert.match(
    refusalOf(() => loadSecretFile(join(disk.folder, 'a.key'))),
    makes
  )
})

test('a read-only disk', { skip: NO_SMALL_DISK }, (t) => {
  const disk = smallDisk(t, 1)
  const home = new Home({ HAIF_HOME: disk.folder })
  disk.freeze()
  const secret = refusalOf(() => loadSecretFile(join(home.folder, 'a.key')))
  assert.match(secret, /^DISK_UNUSABLE .*is read-only .*mount it writable/)
  assert.match(
    refusalOf(() => lockFile(join(home.folder, 'up.lock'))),
    /^DISK_UNUSABLE .*up\.lock/
  )
  assert.match(
    refusalOf(() => new Home({ HAIF_HOME: disk.folder })),
    /^CONFIG_INVALID .*EROFS/
  )
})

test('a folder that belongs to somebody else', { skip: !isRoot }, (t) => {
  const folder = join(temporaryHome(t), 'state')
  mkdirSync(folder, { mode: 0o755 })
  chmodSync(join(folder, '..'), 0o755)
  process.seteuid!(NOBODY)
  try {
    const secret = refusalOf(() => loadSecretFile(join(folder, 'a.key')))
    assert.match(secret, /^DISK_UNUSABLE .*belongs to somebody else .*chown/)
    const lock = refusalOf(() => lockFile(join(folder, 'lock')))
    assert.match(lock, /^DISK_UNUSABLE .*cannot be opened .*belongs to the user that runs HAIF/)
  } finally {
    process.seteuid!(0)
  }
})

test('too few files that may be open', () => {
  const limits = (files: string) =>
    `Limit  Soft  Hard\nMax open files            ${files}   4096  files\n`
  assertOpenFiles(limits('1024'))
  assertOpenFiles(limits('unlimited'))
  assertOpenFiles(null)
  assert.match(
    refusalOf(() => assertOpenFiles(limits('128'))),
    /^CONFIG_INVALID .*may open 128 files only.*ulimit -n 4096/
  )
})

test('a process that may really open too few', { skip: process.platform !== 'linux' }, () => {
  const url = import.meta.resolve('#shared/process/open-files.ts')
  const script = `import { assertOpenFiles } from '${url}'; assertOpenFiles()`
  const run = (files: number) =>
    spawnSync(
      'sh',
      [
        '-c',
        `ulimit -n ${files}; exec "$0" --input-type=module --eval "${script}"`,
        process.execPath
      ],
      { encoding: 'utf8' }
    )
  assert.match(run(128).stderr, /may open 128 files only, and HAIF needs 256: raise the limit/)
  assert.equal(run(512).status, 0)
})
