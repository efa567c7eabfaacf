import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { loadIdentity, temporaryIdentity } from '#shared/mesh/identity.ts'
import { loadSecretFile } from '#shared/process/secret-file.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'haif-identity-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

test('a key is made once, and is the same after a restart', (t) => {
  const file = join(folder(t), 'not', 'there', 'worker.key')
  const first = loadIdentity(file)
  assert.deepEqual(loadIdentity(file), first)
  assert.notDeepEqual(loadIdentity(`${file}.other`), first)
})

test(
  'only the owner can read the file and its folder',
  { skip: process.platform === 'win32' },
  (t) => {
    const home = join(folder(t), 'home')
    loadSecretFile(join(home, 'secret'))
    assert.equal(statSync(join(home, 'secret')).mode & 0o777, 0o600)
    assert.equal(statSync(home).mode & 0o777, 0o700)
  }
)

test('a damaged file is named, and left as it is', (t) => {
  const file = join(folder(t), 'worker.key')
  for (const content of ['', 'abc', 'x'.repeat(64), 'a'.repeat(63), 'a'.repeat(66), '{}']) {
    writeFileSync(file, content)
    assert.throws(
      () => loadIdentity(file),
      (error: Error & { code: string }) =>
        error.code === 'CONFIG_INVALID' && error.message.startsWith(`${file} is damaged`)
    )
    assert.equal(readFileSync(file, 'utf8'), content)
  }
})

test('a file that cannot be read is named', (t) => {
  const path = folder(t)
  assert.throws(() => loadIdentity(path), { code: 'DISK_UNUSABLE', message: new RegExp(path) })
})

test('a temporary key is another one each time, unless its seed is given', () => {
  assert.notDeepEqual(temporaryIdentity(), temporaryIdentity())
  const seed = Buffer.alloc(32, 1)
  assert.deepEqual(temporaryIdentity(seed), temporaryIdentity(seed))
})
