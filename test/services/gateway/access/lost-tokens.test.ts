/** Tokens or their pepper that are gone never open the door. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Home } from '#shared/main/home.ts'
import { silentLogger } from '#shared/process/log.ts'
import type { Store } from '#shared/store/store.ts'
import { Access, type AccessDeps } from '../../../../services/gateway/access/access.ts'
import { temporaryHome } from '../../../helpers/cli.ts'
import { atEnd } from '../../../helpers/peers/peers.ts'
import { startPostgresStore } from '../../../helpers/stores/stores.ts'

const pepper = randomBytes(32)

function accessOn(t: TestContext, store: Store, home: Home, given: Partial<AccessDeps> = {}) {
  const { tokensMark } = home
  const log = silentLogger()
  const access = new Access({ store, pepper, tokensMark, maxConcurrentPerCaller: 9, log, ...given })
  atEnd(t, () => access.stop())
  return access
}

const makeToken = (access: Access) =>
  access.stored.admin.createToken({ tenant: 'a' }, { actor: 'test', requestId: 'r' })

test('a database without tokens, after one that had some, lets nobody in and says why', async (t) => {
  const home = new Home({ HAIF_HOME: temporaryHome(t) })
  const { store } = await startPostgresStore(t)
  const first = accessOn(t, store, home)
  await first.start()
  assert.equal(await first.tokensNeeded(), false)
  assert.ok(!home.tokensMark.isSet())
  await makeToken(first)
  assert.ok(home.tokensMark.isSet())

  const { store: empty } = await startPostgresStore(t)
  const lost = accessOn(t, empty, home)
  // Also before anything was read, and when nobody waits for the start.
  await assert.rejects(lost.directory.authenticate(undefined), { code: 'UNAUTHENTICATED' })
  const message = /has no tokens, and there were some.*Nobody is let in.*db restore.*keep a copy of/
  await assert.rejects(lost.start(), { code: 'STATE_LOST', message })
  await assert.rejects(lost.directory.authenticate(undefined), { code: 'UNAUTHENTICATED' })
  const { promise: told, resolve } = Promise.withResolvers<unknown>()
  const later = accessOn(t, empty, home, { opensLater: true, isFresh: true, onFailure: resolve })
  await later.start()
  await assert.rejects(later.directory.authenticate(undefined), { code: 'UNAUTHENTICATED' })
  assert.match(String(await told), message)

  const again = accessOn(t, store, home)
  await again.start() // the database that has them is served as before
  rmSync(home.tokensMark.file)
  await accessOn(t, empty, home).start() // and so is an empty one, once a person has said so
})

test('a pepper or a root key that is gone is never made anew where others hang on it', (t) => {
  const home = new Home({ HAIF_HOME: temporaryHome(t) })
  const [kept, mesh] = [home.tokenPepper({}), home.makeAuthority().mesh]
  home.tokensMark.set()
  assert.deepEqual(home.tokenPepper({}), kept)
  assert.deepEqual(home.makeAuthority().mesh, mesh)
  for (const name of ['token.pepper', 'mesh/root.key']) {
    const file = join(home.folder, name)
    rmSync(file)
    const read = () => (name === 'token.pepper' ? home.tokenPepper({}) : home.makeAuthority())
    assert.throws(read, { code: 'STATE_LOST', message: /is gone, and .*bring it back from a copy/ })
    assert.ok(!existsSync(file))
  }
  assert.equal(home.tokenPepper({ HAIF_TOKEN_PEPPER: 'p'.repeat(32) }).length, 32)
})
