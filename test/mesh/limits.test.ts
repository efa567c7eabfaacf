/** A limit over two gateways, each a process of its own, with Redis and when it dies. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { runHaif, temporaryHome } from '../helpers/cli.ts'
import { Deployment } from '../helpers/mesh/deployment.ts'
import { atEnd } from '../helpers/peers/peers.ts'
import { freshDatabase } from '../helpers/stores/postgres.ts'
import { NO_REDIS, TestRedis } from '../helpers/stores/redis.ts'

const CLIENTS = 10

test(
  'ten clients of two gateways get 60 a minute, and none too few when Redis dies',
  { skip: NO_REDIS },
  async (t) => {
    const redis = new TestRedis()
    atEnd(t, () => redis.stop())
    await redis.start()
    const home = temporaryHome(t)
    const state = { DATABASE_URL: await freshDatabase(), REDIS_URL: redis.url, HAIF_HOME: home }
    const deployment = await Deployment.start([], state)
    atEnd(t, () => deployment[Symbol.asyncDispose]())
    const second = deployment.addService('gateway', state)
    deployment.addWorker('sim?decode=1000')
    await second.up
    await deployment.ready()

    const limited = await makeToken(t, deployment, home, '60')
    const first = await askAll(deployment, limited, 10)
    assert.deepEqual(new Set(first.keys()), new Set([200, 429]))
    assert.ok(first.get(200)! >= 50 && first.get(200)! <= 60, `${first.get(200)} were granted`)
    // Whichever gateway is left knows what both have granted.
    second.kill('SIGKILL')
    await second.exited
    const later = await askAll(deployment, limited, 2)
    assert.ok((later.get(200) ?? 0) + first.get(200)! <= 60)
    assert.equal(later.get(429)! + (later.get(200) ?? 0), 2 * CLIENTS)

    const third = deployment.addService('gateway', state)
    await third.up
    const generous = await makeToken(t, deployment, home, '600')
    let answered = 0
    const outcome = await askAll(deployment, generous, 12, () => {
      answered++
      if (answered === 40) void redis.kill()
    })
    assert.deepEqual([...outcome], [[200, 12 * CLIENTS]])
  }
)

async function makeToken(t: TestContext, { rootEnv }: Deployment, home: string, rpm: string) {
  const args = ['token', 'create', '--tenant', 'a', '--rpm', rpm]
  const env = { HAIF_HOME: home, ...rootEnv }
  const { code, stdout, stderr } = await runHaif(t, args, { env })
  assert.equal(code, 0, stderr)
  return stdout.trim()
}

/** How many answers had each status. */
async function askAll(
  { url }: Deployment,
  token: string,
  times: number,
  onAnswer: () => void = () => {}
): Promise<Map<number, number>> {
  const outcomes = new Map<number, number>()
  const client = async () => {
    for (let i = 0; i < times; i++) {
      const response = await fetch(`${url}/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-haif-token': token },
        body: JSON.stringify({ model: 'sim', prompt: 'hi', max_tokens: 2 })
      })
      await response.text()
      outcomes.set(response.status, (outcomes.get(response.status) ?? 0) + 1)
      onAnswer()
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  return outcomes
}
