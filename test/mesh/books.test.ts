/** What was answered is in the books, whoever is killed, and exactly once. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import { temporaryHome } from '../helpers/cli.ts'
import { Deployment } from '../helpers/mesh/deployment.ts'
import { atEnd } from '../helpers/peers/peers.ts'
import { freshDatabase } from '../helpers/stores/postgres.ts'
import { seededRandom, type Random } from '../helpers/random.ts'
import type { ServiceProcess } from '../helpers/mesh/service-process.ts'
import { openStore } from '../helpers/stores/stores.ts'
import { until } from '../helpers/until.ts'

const IS_SOAK = process.env['HAIF_SOAK'] === '1'
const REQUESTS = IS_SOAK ? 1000 : 50
const KILLS = IS_SOAK ? 25 : 2
const CLIENTS = 8

interface Killable {
  name: string
  env: Record<string, string>
  process: ServiceProcess
}

test('every answered request has its usage exactly once, whoever is killed', async (t) => {
  const url = await freshDatabase()
  // Gateways of one database have one pepper, wherever they run.
  const state = { DATABASE_URL: url, HAIF_TOKEN_PEPPER: 'p'.repeat(32) }
  const deployment = await Deployment.start([], state)
  atEnd(t, () => deployment[Symbol.asyncDispose]())
  const killable: Killable[] = ['gateway', 'gateway', 'orchestrator', 'orchestrator'].map(
    (name) => {
      const env = { ...state, HAIF_HOME: temporaryHome(t), MAX_CONCURRENT_REQUESTS: '10000' }
      return { name, env, process: deployment.addService(name, env) }
    }
  )
  deployment.addWorker('sim')
  await deployment.ready()
  const store = await openStore(t, url)
  const [migrated] = await store.query<{ count: number; numbers: number }>(
    'select count(*) as count, count(distinct number) as numbers from schema_migrations'
  )
  assert.ok(migrated!.count >= 3 && migrated!.count === migrated!.numbers)

  const answered = await askAll(t, deployment, killable)
  assert.ok(answered.length > REQUESTS / 2, `${answered.length} of ${REQUESTS} were answered`)
  await until(async () => (await booked(store, answered)) === answered.length, 60_000)
  const rows = await store.query<{ request_id: string; completion_tokens: number }>(
    `select request_id, completion_tokens from requests
     where request_id = any($1) and finish_reason is not null`,
    [answered]
  )
  assert.equal(rows.length, answered.length)
  assert.ok(rows.every(({ completion_tokens: tokens }) => tokens === 24))
  await until(async () => {
    const [peers] = await store.query<{ workers: number }>(
      "select count(*) as workers from peers where role = 'worker'"
    )
    const held = await store.query("select 1 from model_holdings where name = 'sim'")
    return peers!.workers === 1 && held.length === 1
  })
})

async function booked(store: Awaited<ReturnType<typeof openStore>>, ids: string[]) {
  const [row] = await store.query<{ count: number }>(
    `select count(distinct request_id) as count from requests
     where request_id = any($1) and finish_reason is not null`,
    [ids]
  )
  return row!.count
}

/** The ids of those that were answered whole. */
async function askAll(t: TestContext, deployment: Deployment, killable: Killable[]) {
  const random = seededRandom()
  t.diagnostic(`HAIF_SEED=${random.seed}`)
  const answered: string[] = []
  let left = REQUESTS
  let killsLeft = KILLS
  const nextKill = () => (REQUESTS * killsLeft) / (KILLS + 1)
  const client = async () => {
    while (left > 0) {
      left--
      if (killsLeft > 0 && left < nextKill()) {
        killsLeft--
        killAndReplace(deployment, killable, random)
      }
      const id = randomUUID()
      const response = await fetch(`${deployment.url}/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-request-id': id },
        body: JSON.stringify({ model: 'sim', prompt: id, max_tokens: 24 })
      })
      const body = (await response.json()) as { finish_reason?: string }
      if (response.ok && body.finish_reason !== undefined) answered.push(id)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  return answered
}

function killAndReplace(deployment: Deployment, killable: Killable[], random: Random): void {
  const victim = random.pick(killable)
  victim.process.kill('SIGKILL')
  victim.process = deployment.addService(victim.name, victim.env)
}
