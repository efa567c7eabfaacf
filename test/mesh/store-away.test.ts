/** Postgres goes away under load: answers go on, memory stays bounded, usage arrives afterwards. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Deployment } from '../helpers/mesh/deployment.ts'
import { liveMetrics, valueOf } from '../helpers/mesh/live-metrics.ts'
import { atEnd } from '../helpers/peers/peers.ts'
import { TestPostgres } from '../helpers/stores/postgres.ts'
import { openStore } from '../helpers/stores/stores.ts'
import { until } from '../helpers/until.ts'

const AWAY_MS = process.env['HAIF_SOAK'] === '1' ? 60_000 : 1500
const CLIENTS = 8
const TOKEN = 'staff-token'
/** Of all services, over the same load just before. */
const GROWTH_BYTES_MAX = 50e6
/** Left to itself a heap grows by garbage for a minute, which is no measure of what is held. */
const TIDY_HEAPS = '--max-semi-space-size=2 --max-old-space-size=96'

test('Postgres away under load: every answer comes, and is in the books when it is back', async (t) => {
  const postgres = new TestPostgres()
  await postgres.create()
  atEnd(t, () => postgres.end())
  const url = postgres.url('postgres')
  const deployment = await Deployment.start(['sim'], {
    DATABASE_URL: url,
    HAIF_TOKEN_PEPPER: 'p'.repeat(32),
    HAIF_API_TOKENS: `${TOKEN}:tenant:staff`,
    MAX_CONCURRENT_REQUESTS: '10000',
    LOG_LEVEL: 'debug',
    NODE_OPTIONS: TIDY_HEAPS
  })
  atEnd(t, () => deployment[Symbol.asyncDispose]())
  const answered: string[] = []
  const over = new AbortController()
  const client = async () => {
    while (!over.signal.aborted) {
      const id = randomUUID()
      const response = await fetch(`${deployment.url}/infer`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${TOKEN}`,
          'x-request-id': id
        },
        body: JSON.stringify({ model: 'sim', prompt: id, max_tokens: 8 })
      })
      assert.equal(response.status, 200, await response.text())
      answered.push(id)
    }
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, client))
  await until(() => answered.length > 50)
  await Promise.race([clients, sleep(AWAY_MS)])
  const before = memoryOf(deployment)
  await postgres.stop('SIGQUIT')
  const begun = answered.length
  await Promise.race([clients, sleep(AWAY_MS)])
  const whileAway = answered.length - begun
  const grown = memoryOf(deployment) - before
  // What HaifUsageSpoolGrowing looks at.
  const spooled = await usageSpooled(deployment)
  await until(async () => (await usageSpooled(deployment)) > spooled)
  await postgres.start()
  over.abort()
  await clients
  t.diagnostic(`${whileAway} answers while it was away, ${Math.round(grown / 1e6)} MB more memory`)
  assert.ok(whileAway > 10)
  assert.ok(spooled > 10, `${spooled} rows were in the spool`)
  assert.ok(grown < GROWTH_BYTES_MAX, `${grown} bytes more`)

  const store = await openStore(t, url)
  const booked = async () => {
    const [row] = await store.query<{ all: number; ids: number }>(
      'select count(*) as all, count(distinct request_id) as ids from requests where request_id = any($1)',
      [answered]
    )
    assert.equal(row!.all, row!.ids)
    return row!.ids
  }
  await until(async () => (await booked()) === answered.length, 60_000)
  await until(async () => (await usageSpooled(deployment)) === 0)
})

async function usageSpooled({ services }: Deployment): Promise<number> {
  const series = await Promise.all(services.map(liveMetrics))
  return valueOf(series.flat(), 'haif_usage_spooled') ?? 0
}

/** Of all services together. */
function memoryOf({ services }: Deployment): number {
  const pages = services.map(({ pid }) =>
    Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
  )
  return pages.reduce((sum, count) => sum + count, 0) * 4096
}
