/** A home that HAIF made before it had invites goes on as it was, but for its topic keys. */
import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Home } from '#shared/main/home.ts'
import { migrateHome } from '#shared/main/migrate-home.ts'
import { temporaryHome } from '../../helpers/cli.ts'

const OPERATOR_KEY = 'haif_operator_0123456789abcdef_secret'

function oldHome(folder: string): Buffer {
  const secret = randomBytes(32)
  mkdirSync(join(folder, 'keys'), { recursive: true })
  writeFileSync(join(folder, 'mesh.secret'), `${secret.toString('hex')}\n`, { mode: 0o600 })
  writeFileSync(join(folder, 'topic.key'), 'haif_yry…\n', { mode: 0o600 })
  const name = hash('sha256', secret).slice(0, 8)
  writeFileSync(join(folder, 'keys', `operator-${name}.token`), OPERATOR_KEY, { mode: 0o600 })
  return secret
}

test('it gets a root key that no worker has seen, and its operator stays one', (t) => {
  const folder = temporaryHome(t)
  const secret = oldHome(folder)
  const home = new Home({ HAIF_HOME: folder })
  assert.equal(migrateHome(home), true)
  const { mesh } = home.makeAuthority()
  assert.notEqual(readFileSync(home.mesh.rootFile, 'utf8').trim(), secret.toString('hex'))
  assert.equal(home.operatorKey(mesh), OPERATOR_KEY)
  assert.ok(!existsSync(join(folder, 'topic.key')))
  assert.ok(!existsSync(join(folder, 'mesh.secret')))
  assert.equal(migrateHome(home), false)
  assert.deepEqual(home.makeAuthority().mesh, mesh)
})

test('a start that was cut off in the middle goes on with the same root key', (t) => {
  const folder = temporaryHome(t)
  oldHome(folder)
  const home = new Home({ HAIF_HOME: folder })
  const { mesh } = home.mesh.makeAuthority() // it got no further than this
  assert.equal(migrateHome(home), true)
  assert.equal(home.operatorKey(mesh), OPERATOR_KEY)
})

test('a new home has nothing to do', (t) => {
  const home = new Home({ HAIF_HOME: temporaryHome(t) })
  assert.equal(migrateHome(home), false)
  assert.ok(!existsSync(home.mesh.rootFile))
})
