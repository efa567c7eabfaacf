/** After any number of requests nothing of them is left: no streams, no timers, no memory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import v8 from 'node:v8'
import vm from 'node:vm'
import { HaifError } from '#shared/errors.ts'
import { createContext } from '#shared/rpc/context.ts'
import { startMesh, type TestMesh } from '../helpers/mesh/mesh.ts'
import { until } from '../helpers/until.ts'
import { patience } from '../helpers/deadline.ts'

v8.setFlagsFromString('--expose-gc')
const collectGarbage = vm.runInNewContext('gc') as () => void

/** How much 1,200 requests may leave: under 3.5 kB each, so no leak of a stream. */
const HEAP_BYTES_MAX = 4 * 1024 * 1024

const openStreams = (mesh: TestMesh) =>
  mesh.meshes.flatMap((each) => each.links()).reduce((sum, link) => sum + link.openStreams, 0)

const timers = () =>
  process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length

async function heapBytes(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    await sleep(20)
    collectGarbage()
  }
  return process.memoryUsage().heapUsed
}

test('1,000 sequential and 200 parallel requests leave no streams, timers or memory', async (t) => {
  const mesh = await startMesh(t, { workers: [{ slots: 64 }, { slots: 64 }] })
  const sequential = async (count: number) => {
    for (let i = 0; i < count; i++) await mesh.infer({ prompt: `sequential ${i}` })
  }
  const parallel = async (count: number) => {
    await Promise.all(
      Array.from({ length: count }, (_, i) => mesh.infer({ prompt: `parallel ${i}` }))
    )
  }
  await sequential(200) // caches and the compiler's own memory
  await parallel(200)
  await until(() => openStreams(mesh) === 0)
  const before = { timers: timers(), heap: await heapBytes() }

  await sequential(1000)
  await parallel(200)

  await until(() => openStreams(mesh) === 0)
  // Other timers of the mesh come and go: reports, lookups.
  await until(() => timers() <= before.timers)
  const grown = (await heapBytes()) - before.heap
  assert.ok(grown < HEAP_BYTES_MAX, `the heap has grown by ${grown} bytes`)
})

test('requests that are cancelled or refused leave nothing either', async (t) => {
  const mesh = await startMesh(t, { workers: [{ slots: 2, decodeTokensPerSecond: 200 }] })
  const before = timers()
  for (let i = 0; i < 100; i++) {
    using context = createContext({ timeoutMs: patience(20_000) })
    const request = mesh.inferIn(context, { maxTokens: 1000 })
    setTimeout(() => context.abort(new HaifError('CANCELLED', 'enough')), i % 20)
    await assert.rejects(request, { code: 'CANCELLED' })
    await assert.rejects(mesh.infer({ model: 'nobody' }), { code: 'MODEL_NOT_FOUND' })
  }
  await until(() => openStreams(mesh) === 0)
  await until(() => timers() <= before)
})
