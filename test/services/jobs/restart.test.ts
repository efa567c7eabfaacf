/** Everything is stopped in the middle of many jobs, and started again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '#shared/process/log.ts'
import { PostgresStore } from '#shared/store/postgres-store.ts'
import { problemsIn } from '../../helpers/jobs/history.ts'
import { startJobsMesh } from '../../helpers/jobs/jobs-mesh.ts'
import { nothingSeen, submit, toolKind, toolTask } from '../../helpers/jobs/tools.ts'
import { atEnd, contextFor, type Scope } from '../../helpers/peers/peers.ts'
import { testPostgres } from '../../helpers/stores/postgres.ts'
import { startPostgresStore } from '../../helpers/stores/stores.ts'
import { until } from '../../helpers/until.ts'

const JOBS = 50

async function openStore(t: Scope, url: string) {
  const store = new PostgresStore({ url, log: silentLogger() })
  let stopping: Promise<void> | null = null
  const stop = () => (stopping ??= store.stop())
  atEnd(t, stop)
  await store.start()
  return { store, stop }
}

test('50 jobs go on where they were after a restart of everything, and no id comes twice', async (t) => {
  const { url } = await startPostgresStore(t)
  const context = contextFor(t)
  const seen = nothingSeen()
  const before = await openStore(t, url)
  const mesh = await startJobsMesh(t, { stores: [] })
  const service = await mesh.addJobs({ store: before.store, log: silentLogger() })
  const { worker } = await mesh.addWorker([toolKind(seen)], { places: 8 })
  const link = await mesh.link()
  const graph = (nth: number) => [
    toolTask('a', [nth, 'a'], { ms: 20 }),
    toolTask('b', [nth, 'b'], { dependencies: ['a'] })
  ]
  const ids: string[] = []
  for (let nth = 0; nth < JOBS; nth++) {
    ids.push(await submit(link, { tasks: graph(nth) }, context))
  }
  await until(() => seen.begun.size > JOBS / 2)
  await Promise.all([worker.stop(), service.stop()])
  await before.stop()
  const postgres = await testPostgres()
  await postgres.stop('SIGQUIT')
  await postgres.start()
  const begun = seen.begun.size
  assert.ok(begun < JOBS * 2, 'all was done before the restart')

  const { store } = await openStore(t, url)
  mesh.services.length = 0
  await mesh.addJobs({ store, log: silentLogger() })
  await mesh.addWorker([toolKind(seen)], { places: 8 })
  const count = async (where: string) =>
    (await store.query<{ n: number }>(`select count(*) as n from jobs where ${where}`))[0]!.n
  await until(async () => (await count(`status <> 'Completed'`)) === 0)
  assert.equal(await count('true'), JOBS)
  assert.equal(seen.begun.size, JOBS * 2)
  const again = await mesh.link()
  for (let nth = 0; nth < 5; nth++) ids.push(await submit(again, { tasks: graph(nth) }, context))
  assert.equal(new Set(ids).size, JOBS + 5)
  await until(async () => (await count(`status <> 'Completed'`)) === 0)
  assert.deepEqual(await problemsIn(store), [])
})
