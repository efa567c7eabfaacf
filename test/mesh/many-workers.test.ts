/**
 * Many workers in one mesh: every one is used, and none is taken for dead while it lives.
 * HAIF_SOAK=300: 300 workers, for so many seconds. Several live in one process, because a process
 * each would need 15 GB.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encodeRoot } from '../helpers/peers/mesh-root.ts'
import { Client } from '../helpers/mesh/clients.ts'
import { startMesh, type TestMesh } from '../helpers/mesh/mesh.ts'
import { atEnd } from '../helpers/peers/peers.ts'
import { seededRandom } from '../helpers/random.ts'
import { until } from '../helpers/until.ts'
import { patience } from '../helpers/deadline.ts'

const SOAK_SECONDS = process.env['HAIF_SOAK']
const WORKERS = SOAK_SECONDS === undefined ? 12 : 300
const PROCESSES = SOAK_SECONDS === undefined ? 1 : 6
const SECONDS = Number(SOAK_SECONDS ?? 3)
const STREAMS = 32
const MODEL = 'sim?slots=2&decode=100&prefill=inf'
const HOST = fileURLToPath(new URL('../helpers/mesh/worker-host.ts', import.meta.url))
const START_MS_MAX = 60_000

async function startHost(t: TestContext, { topicKey }: TestMesh, count: number): Promise<void> {
  const args = [HOST, encodeRoot(topicKey), String(count), MODEL]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  atEnd(t, async () => {
    child.kill('SIGKILL')
    await exited
  })
  await once(child.stdout, 'data')
}

test(`${WORKERS} workers: every one is used, and none is lost while it lives`, async (t) => {
  const random = seededRandom()
  t.diagnostic(`HAIF_SEED=${random.seed}`)
  const mesh = await startMesh(t, { workers: [] })
  await Promise.all(
    Array.from({ length: PROCESSES }, () => startHost(t, mesh, WORKERS / PROCESSES))
  )
  const peers = mesh.meshes.filter(({ role }) => role === 'orchestrator' || role === 'registry')
  await until(
    () => peers.every((peer) => peer.links('worker').length === WORKERS),
    patience(START_MS_MAX)
  )
  await mesh.ready()
  const lost: string[] = []
  for (const peer of peers) peer.on('lost', (link) => lost.push(`${peer.role}: ${link.peer.key}`))

  const used = new Set<string>()
  const endAt = performance.now() + SECONDS * 1000
  const one = async () => {
    while (performance.now() < endAt || used.size < WORKERS) {
      const client = new Client(mesh, `many ${random.between(0, 1e9)}`, random.between(5, 20))
      const { error, problem, end } = await client.outcome
      assert.equal(error ?? problem, null)
      for (const worker of end!.workers!) used.add(worker)
    }
  }
  await Promise.all(Array.from({ length: STREAMS }, one))

  assert.equal(used.size, WORKERS)
  assert.deepEqual(lost, [])
  for (const peer of peers) assert.equal(peer.links('worker').length, WORKERS)
})
