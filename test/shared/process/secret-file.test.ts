/** Secrets are closed to others, and what is in their way is said (L3, L4). */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import { closeFolder, loadSecretFile } from '#shared/process/secret-file.ts'
import { loadOperatorKey } from '../../../services/gateway/access/operator-key.ts'

const skip = process.platform === 'win32' ? 'files have no mode there' : false

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'haif-secret-'))
  t.after(() => rmSync(made, { recursive: true }))
  return made
}

const modeOf = (path: string): number => statSync(path).mode & 0o777

test('L4: a link that leads nowhere is an error that says so', { skip }, (t) => {
  const file = join(folder(t), 'mesh.secret')
  symlinkSync('/nowhere/at/all', file)
  assert.throws(() => loadSecretFile(file), { code: 'CONFIG_INVALID', message: /leads nowhere/ })
})

test('L3: an operator key that others can read is closed to them', { skip }, (t) => {
  const file = join(folder(t), 'operator.token')
  const { text } = loadOperatorKey(file)
  chmodSync(file, 0o666)
  assert.equal(loadOperatorKey(file).text, text)
  assert.equal(modeOf(file), 0o600)
})

test('L3: a folder that everybody can change is closed to others', { skip }, (t) => {
  const made = folder(t)
  writeFileSync(join(made, 'kept'), '')
  chmodSync(made, 0o777)
  closeFolder(made)
  assert.equal(modeOf(made), 0o755)
  chmodSync(made, 0o770)
  closeFolder(made)
  assert.equal(modeOf(made), 0o770, 'a group may be meant')
})
