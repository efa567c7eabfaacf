/** A machine is lost with all that was on it: its backup brings mesh, tokens and books back. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runHaif, startHaif, temporaryHome } from '../../helpers/cli.ts'
import { assertNoForbiddenWords } from '../../helpers/forbidden-words.ts'

const UP = ['up', '--port', '0', '--model', 'sim']
const PASSPHRASE = 'correct horse battery staple'

test('a machine that is lost comes back from its backup, with its tokens, its mesh and its books', async (t) => {
  const folder = temporaryHome(t)
  const env = { HAIF_HOME: join(folder, 'home'), HAIF_BACKUP_PASSPHRASE: PASSPHRASE }
  const file = join(folder, 'haif.backup')
  const up = startHaif(t, UP, { env, runMsMax: 90_000 })
  await up.says('ready http://')
  const made = await runHaif(t, ['token', 'create', '--tenant', 'a', '--json'], { env })
  const { secret } = JSON.parse(made.stdout) as { secret: string }
  const url = /ready (http:\S+)/.exec(up.output.stdout)![1]!
  assert.equal(await statusOf(url, secret), 200)
  const rootKey = readFileSync(join(env.HAIF_HOME, 'mesh', 'root.key'), 'utf8')
  const written = await runHaif(t, ['db', 'backup', '--keys', file], { env })
  assert.equal(written.code, 0, written.stderr)
  assert.ok(!readFileSync(file).includes(rootKey.trim()))
  up.child.kill('SIGKILL')
  await up.result
  rmSync(env.HAIF_HOME, { recursive: true })

  const wrong = { ...env, HAIF_BACKUP_PASSPHRASE: 'another passphrase' }
  const refused = await runHaif(t, ['db', 'restore', '--keys', file], { env: wrong })
  assert.match(refused.stderr, /the passphrase is another one.*\(BACKUP_INVALID\)/)
  const restored = await runHaif(t, ['db', 'restore', '--keys', file], { env })
  assert.equal(restored.code, 0, restored.stderr)
  assert.equal(readFileSync(join(env.HAIF_HOME, 'mesh', 'root.key'), 'utf8'), rootKey)
  const again = startHaif(t, UP, { env, runMsMax: 90_000 })
  await again.says('ready http://')
  const newUrl = /ready (http:\S+)/.exec(again.output.stdout)![1]!
  assert.equal(await statusOf(newUrl, secret), 200)
  assert.equal(await statusOf(newUrl, undefined), 401)
  const usage = await runHaif(t, ['usage', '--by', 'tenant', '--json'], { env })
  assert.match(usage.stdout, /"key":"a"/)
  again.child.kill('SIGTERM')
  await again.result

  // A part of the database goes: nothing is made over the rest, and the door stays shut.
  rmSync(join(env.HAIF_HOME, 'state', 'postgres', 'PG_VERSION'))
  const halved = await runHaif(t, UP, { env })
  assert.equal(halved.code, 1)
  assert.match(halved.stderr, /is incomplete \(PG_VERSION missing\).*\(STATE_LOST\)\n$/)
  const newer = JSON.stringify({ format: 99, version: '9.8.7' })
  writeFileSync(join(env.HAIF_HOME, 'home.json'), newer)
  const older = await runHaif(t, UP, { env })
  assert.match(
    older.stderr,
    /was written by HAIF 9\.8\.7, and this is HAIF .*\(SCHEMA_MISMATCH\)\n$/
  )
  assertNoForbiddenWords([halved, older, refused, restored].map(({ stderr }) => stderr))
})

async function statusOf(url: string, token: string | undefined): Promise<number> {
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  const body = JSON.stringify({ model: 'sim', prompt: 'hi', max_tokens: 2 })
  const response = await fetch(`${url}/infer`, { method: 'POST', headers, body })
  await response.text()
  return response.status
}
