import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeInvite, inviteIdOf } from '#shared/mesh/membership/invite.ts'
import { silentLogger } from '#shared/process/log.ts'
import { Invites, type Entrance } from '../../../../services/registry/membership/invites.ts'
import { standingInvite } from '../../../../services/registry/membership/standing-invite.ts'
import { temporaryHome } from '../../../helpers/cli.ts'
import { startPostgresStore } from '../../../helpers/stores/stores.ts'

const HERE = { host: '10.0.0.1', port: 49_737 }
const ELSEWHERE = { host: '10.0.0.2', port: 49_737 }

test('a file holds an invite for workers that is kept while it is good, and else replaced', async (t) => {
  const { store } = await startPostgresStore(t)
  const meshKey = randomBytes(32)
  let bootstrap = [HERE]
  const none = { issuers: [], relays: [], tlsRelays: [] }
  const entrance = (): Entrance => ({ meshKey, reach: 'lan', bootstrap, ...none })
  const invites = new Invites({ store, entrance, now: Date.now })
  const file = join(temporaryHome(t), 'join', 'topic.key')
  const afterStart = async () => {
    await standingInvite({ file, invites, entrance, log: silentLogger() }).start()
    return readFileSync(file, 'utf8').trim()
  }

  const first = await afterStart()
  const { roles, usesMax, expiresAt, secret } = decodeInvite(first)
  assert.deepEqual([roles, usesMax, expiresAt], [['worker'], null, null])
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(await afterStart(), first)

  await invites.remove(inviteIdOf(secret))
  const second = await afterStart()
  assert.notEqual(second, first)

  bootstrap = [ELSEWHERE] // the DHT of the deployment has another address
  const third = await afterStart()
  assert.deepEqual(decodeInvite(third).bootstrap, [ELSEWHERE])
})
