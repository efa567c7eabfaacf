import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Store } from '#shared/store/store.ts'
import { runHaif, startHaif, temporaryHome } from '../../helpers/cli.ts'
import { freshDatabase } from '../../helpers/stores/postgres.ts'
import { openStore } from '../../helpers/stores/stores.ts'

test('haif up: what was acknowledged survives kill -9, and moves to Postgres', async (t) => {
  const env = { HAIF_HOME: temporaryHome(t) }
  const first = startHaif(t, ['up', '--port', '0', '--model', 'sim'], { env, runMsMax: 90_000 })
  await first.says('ready http://')
  const url = /ready (http:\S+)/.exec(first.output.stdout)![1]!
  const second = await runHaif(t, ['up', '--port', '0'], { env })
  assert.equal(second.code, 1)
  assert.match(second.stderr, /"haif up" runs already on .+ \(HOME_IN_USE\)/)
  const ids = Array.from({ length: 20 }, (_, i) => `request-${i}`)
  await Promise.all(ids.map((id) => ask(url, id)))

  const file = join(env.HAIF_HOME, 'live.backup')
  const live = await runHaif(t, ['db', 'backup', file], { env })
  assert.equal(live.code, 0, live.stderr)
  const refused = await runHaif(t, ['db', 'restore', file], { env })
  assert.match(refused.stderr, /stop it first \(HOME_IN_USE\)/)
  first.child.kill('SIGKILL')
  await first.result

  // The next one brings what was on disk only to the database.
  const third = startHaif(t, ['up', '--port', '0', '--model', 'sim'], { env, runMsMax: 90_000 })
  await third.says('ready http://')
  await ask(/ready (http:\S+)/.exec(third.output.stdout)![1]!, 'request-20')
  third.child.kill('SIGTERM')
  assert.equal((await third.result).code, 0)
  const after = join(env.HAIF_HOME, 'after.backup')
  await succeeds(t, ['db', 'backup', after], env)

  const postgres = { ...env, DATABASE_URL: await freshDatabase() }
  await succeeds(t, ['db', 'restore', after], postgres)
  const store = await openStore(t, postgres.DATABASE_URL)
  assert.deepEqual(await requestIds(store), [...ids, 'request-20'].toSorted())
})

async function ask(url: string, id: string): Promise<void> {
  const response = await fetch(`${url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': id },
    body: JSON.stringify({ model: 'sim', prompt: id, max_tokens: 4 })
  })
  assert.ok(response.ok)
  await response.json()
}

async function succeeds(t: TestContext, args: string[], env: Record<string, string>) {
  const { code, stderr } = await runHaif(t, args, { env })
  assert.equal(code, 0, stderr)
}

async function requestIds(store: Store): Promise<string[]> {
  const rows = await store.query<{ request_id: string }>('select request_id from requests')
  return rows.map(({ request_id: id }) => id).toSorted()
}
