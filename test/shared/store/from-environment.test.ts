import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Home } from '#shared/main/home.ts'
import { rootEnv } from '../../helpers/peers/mesh-root.ts'
import { storeFromEnvironment } from '#shared/store/from-environment.ts'
import { ownStore } from '../../../cli/up/own-store.ts'
import { temporaryHome } from '../../helpers/cli.ts'
import { recordingLogger } from '../../helpers/peers/peer-log.ts'
import { atEnd, startDht } from '../../helpers/peers/peers.ts'
import { freshDatabase } from '../../helpers/stores/postgres.ts'
import { startService } from '../../helpers/mesh/service-process.ts'

const WARNING = 'the password of Postgres is the default: set POSTGRES_PASSWORD to one of your own'

/** That of .env.example before it left the password to be made at the first start. */
const DEFAULT_PASSWORD = 'haifpass'

/** The servers of the tests let everybody in, whatever the password. */
function withPassword(url: string, password: string): string {
  return Object.assign(new URL(url), { password }).href
}

test('a service warns once at its start while the password of Postgres is the default', async (t) => {
  const mesh = rootEnv(await startDht(t))
  const database = await freshDatabase()
  const warningsWith = async (password: string) => {
    const url = withPassword(database, password)
    const service = startService('registry', { ...mesh, DATABASE_URL: url })
    atEnd(t, () => service.end())
    await service.up
    return service.lines.filter((line) => line.includes(WARNING)).map((line) => JSON.parse(line))
  }
  const [warning, ...more] = (await warningsWith(DEFAULT_PASSWORD)) as { level: string }[]
  assert.equal(warning?.level, 'warn')
  assert.deepEqual(more, [])
  assert.deepEqual(await warningsWith('one-of-my-own'), [])
})

test('haif up warns like a service, and nobody does without a password', (t) => {
  const home = new Home({ HAIF_HOME: temporaryHome(t) })
  const said = (password: string) => {
    const { log, lines } = recordingLogger()
    const env = { DATABASE_URL: withPassword('postgres://haif@127.0.0.1:1/haif', password) }
    ownStore(env, home, log)
    storeFromEnvironment(env, log)
    return lines.map(({ msg }) => msg)
  }
  assert.deepEqual(said(DEFAULT_PASSWORD), [WARNING, WARNING])
  assert.deepEqual(said(''), [])
})
