/** `haif service <name> --check`, as the health check of a container asks. */
import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import { rootEnv } from '../../helpers/peers/mesh-root.ts'
import { runHaif } from '../../helpers/cli.ts'
import { atEnd, startDht } from '../../helpers/peers/peers.ts'
import { freePort } from '../../helpers/stores/postgres.ts'
import { startService } from '../../helpers/mesh/service-process.ts'
import { until } from '../../helpers/until.ts'

/** Another address of this machine than the usual one, where it has one. */
const HOST = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1'

test('--check says whether the service that runs here can do its work, and what is missing', async (t) => {
  const mesh = rootEnv(await startDht(t))
  const port = await freePort()
  const env = { ...mesh, METRICS_HOST: HOST, METRICS_PORT: String(port) }
  const check = async () => {
    const { code, stdout, stderr } = await runHaif(t, ['service', 'gateway', '--check'], { env })
    assert.equal(stderr, '')
    return [code, stdout]
  }
  const nobody = `gateway: http://${HOST}:${port}/readyz does not answer: fetch failed\n`
  assert.deepEqual(await check(), [1, nobody])

  const gateway = startService('gateway', env)
  atEnd(t, () => gateway.end())
  await gateway.up
  assert.deepEqual(await check(), [1, 'gateway: no orchestrator is connected\n'])

  const orchestrator = startService('orchestrator', mesh)
  atEnd(t, () => orchestrator.end())
  const isReady = async () => {
    const [code, said] = await check()
    return code === 0 && said === 'gateway: ready\n'
  }
  await until(isReady, 30_000)

  // It holds its port and says nothing: a check that waits for it would never end.
  gateway.kill('SIGSTOP')
  const [code, said] = await check()
  assert.equal(code, 1)
  assert.match(String(said), /^gateway: http:\S+ does not answer: .*timeout/)
  gateway.kill('SIGCONT')
  await until(isReady)

  await gateway.end()
  assert.deepEqual(await check(), [1, nobody])
})

test('a service that HAIF does not have is refused', async (t) => {
  const { code, stderr } = await runHaif(t, ['service', 'database', '--check'])
  assert.equal(code, 2)
  assert.match(stderr, /Allowed choices are bootstrap, registry, .*http-bridge/)
})
