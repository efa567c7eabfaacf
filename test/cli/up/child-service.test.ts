import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import type { MeshSnapshot } from '#shared/contracts/peers/peers.ts'
import { runHaif, startHaif, temporaryHome } from '../../helpers/cli.ts'
import { until } from '../../helpers/until.ts'

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

async function upWithOneWorker(t: TestContext) {
  const env = { HAIF_HOME: temporaryHome(t), LOG_LEVEL: 'info' }
  const haif = startHaif(t, ['up', '--port', '0', '--model', 'sim', '--workers', '1'], { env })
  await haif.says('ready http://')
  return { haif, env }
}

test('a worker of haif up that is drained stays away; one that dies is started again', async (t) => {
  const { haif, env } = await upWithOneWorker(t)
  const [first] = childrenOf(haif.child.pid!)
  process.kill(first!, 'SIGKILL')
  await haif.says('service died, starting it again')
  // It comes back under its own key; until then there is nobody to drain.
  const key = await workerKey(t, env)
  await until(async () => (await runHaif(t, ['drain', key], { env })).code === 0)
  await haif.says('service has left')
  assert.deepEqual(childrenOf(haif.child.pid!), [])
})

async function workerKey(t: TestContext, env: Record<string, string>): Promise<string> {
  let key: string | undefined
  await until(async () => {
    const { stdout } = await runHaif(t, ['status', '--json'], { env })
    const { peers } = JSON.parse(stdout) as MeshSnapshot
    key = peers.find(({ role }) => role === 'worker')?.key
    return key !== undefined
  })
  return key!
}
