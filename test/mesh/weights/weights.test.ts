/** Weights from worker to worker, over real connections; the models are random bytes. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { listWeights, orchestratorSeeders, readManifest } from '#shared/contracts/peers/weights.ts'
import { silentLogger } from '#shared/process/log.ts'
import { createContext } from '#shared/rpc/context.ts'
import { prefetchModel } from '#shared/contracts/peers/operating.ts'
import { mintToken } from '../../../services/gateway/access/token-text.ts'
import { findModel } from '../../../services/worker/models/sources/local-model.ts'
import { modelSource } from '../../../services/worker/models/sources/model-uri.ts'
import { Weights } from '../../../services/worker/weights/weights.ts'
import type { WeightsConfig } from '../../../services/worker/weights/weights-config.ts'
import { patience } from '../../helpers/deadline.ts'
import { startMesh, type TestMesh } from '../../helpers/mesh/mesh.ts'
import { Shared, type Scope } from '../../helpers/peers/peers.ts'
import { until } from '../../helpers/until.ts'
import {
  MB,
  sha256,
  shelve,
  temporaryFolder,
  weightsOf
} from '../../services/worker/weights/seeds.ts'

const shared = new Shared()
after(() => shared.end())
const operatorKey = mintToken('operator')
const meshOfFile = shared.once((scope) =>
  startMesh(scope, { workers: [], access: { operatorKey } })
)

interface Setup extends Partial<WeightsConfig> {
  /** Models that it may load from its folder, by their name. */
  holds?: Record<string, Buffer>
}

async function addHolder(t: Scope, mesh: TestMesh, { holds = {}, ...more }: Setup = {}) {
  const folder = await temporaryFolder(t)
  const config = {
    seeds: true,
    fetches: true,
    bytesPerSecond: Infinity,
    diskBytes: Infinity,
    chunkBytes: MB,
    ...more
  }
  const weights = new Weights({ folder, config, log: silentLogger() })
  const sourceOf = (uri: string, name: string) => modelSource(uri, { folder, name, peers: weights })
  const onDemand = Object.entries(holds).map(async ([name, bytes]) => {
    const digest = sha256(bytes)
    await shelve(join(folder, '.mesh', digest), 'model', bytes)
    return sourceOf(`sha256:${digest}`, name)
  })
  const wishes = { weights, sourceOf, onDemand: await Promise.all(onDemand) }
  const added = await mesh.addWorker([], {}, wishes)
  return { ...added, folder, weights }
}

type HolderOfTest = Awaited<ReturnType<typeof addHolder>>

/** Puts a model there, and waits until it is offered to others. */
async function give({ folder, weights }: HolderOfTest, bytes: Buffer): Promise<string> {
  const digest = await shelve(join(folder, 'maker', 'repo'), 'seed', bytes)
  await weights.look()
  return digest
}

/** Waits until the orchestrator names so many workers that have it. */
async function knows({ mesh }: HolderOfTest, digest: string, count: number): Promise<void> {
  await until(async () => {
    using context = createContext({ timeoutMs: patience(5000) })
    const [link] = mesh.links('orchestrator')
    const named = await link?.call(orchestratorSeeders, { digest }, context)
    return named?.workers.length === count
  })
}

/** Fetches into its own folder as `got`, as soon as the orchestrator knows of a seeder. */
async function fetched(to: HolderOfTest, digest: string, faults: string[] = []) {
  const folder = join(to.folder, 'got')
  const { signal } = new AbortController()
  const hooks = { onProgress: () => {}, onFault: (fault: string) => faults.push(fault), signal }
  await until(async () => {
    const found = await to.weights.fetch({ digest, folder, name: 'got' }, hooks)
    return found !== null
  })
  return (await findModel(folder, 'got'))!
}

test('a worker gets a model from two that have it, and gives it to others then', async (t) => {
  const mesh = await meshOfFile()
  const bytes = weightsOf(6)
  const [a, b, c] = [
    await addHolder(t, mesh),
    await addHolder(t, mesh),
    await addHolder(t, mesh, { seeds: false })
  ]
  const digest = await give(a, bytes)
  await give(b, bytes)
  const { entry, files } = await fetched(c, digest)
  assert.deepEqual(await readFile(entry), bytes)
  assert.equal(files[0]!.digest, digest)
  await until(() => c.mesh.links('worker').length === 0) // they were opened for this
  await c.weights.look()
  assert.deepEqual([c.weights.shelf.digests, c.weights.offered], [[digest], []])
  const d = await addHolder(t, mesh)
  assert.deepEqual(await readFile((await fetched(d, digest)).entry), bytes)
  await d.weights.look()
  assert.deepEqual(d.weights.offered, [digest])
})

test('a corrupted chunk is refused, its peer blamed, and it comes from elsewhere', async (t) => {
  const mesh = await meshOfFile()
  const bytes = weightsOf(4)
  const [liar, honest, to] = [
    await addHolder(t, mesh),
    await addHolder(t, mesh),
    await addHolder(t, mesh)
  ]
  const hooks = { onProgress: () => {}, signal: new AbortController().signal }
  const digest = await give(liar, bytes)
  await liar.weights.shelf.manifest(digest)
  const { path } = await liar.weights.shelf.file(digest)
  await writeFile(path, Buffer.alloc(bytes.length, 7)) // its record and manifest are still right
  const faults: string[] = []
  const onFault = (fault: string) => faults.push(fault)
  await knows(to, digest, 1)
  const wanted = { digest, folder: join(to.folder, 'got'), name: 'got' }
  await assert.rejects(to.weights.fetch(wanted, { ...hooks, onFault }), { code: 'DOWNLOAD_FAILED' })
  assert.match(faults.join(), new RegExp(`^${liar.key.slice(0, 8)}: it sent other bytes`))
  await give(honest, bytes)
  await knows(to, digest, 2)
  faults.length = 0
  const found = await to.weights.fetch(wanted, { ...hooks, onFault })
  assert.deepEqual(await readFile(found!.entry), bytes)
  assert.deepEqual(faults, [], 'the liar is not asked again')
})

test('an operator has every worker fetch what one of them has', async (t) => {
  const mesh = await meshOfFile()
  const bytes = weightsOf(3)
  const from = await addHolder(t, mesh, { holds: { tuned: bytes } })
  const to = await addHolder(t, mesh)
  const pool = await mesh.client()
  const shows = { token: operatorKey.text }
  using context = createContext({ timeoutMs: patience(30_000), shows })
  await knows(to, sha256(bytes), 1)
  const wish = { model: 'tuned', workers: [from.key, to.key] }
  const prefetched = await pool.call(prefetchModel, wish, context)
  assert.deepEqual(
    prefetched.workers.map(({ worker, outcome }) => [worker, outcome]),
    [
      [from.key, 'here'],
      [to.key, 'ordered']
    ]
  )
  await until(() => to.weights.shelf.digests.includes(sha256(bytes)))
  assert.deepEqual(
    to.worker.models().map(({ name, state }) => [name, state]),
    [['tuned', 'loadable']]
  )
  const file = await to.weights.shelf.file(sha256(bytes))
  assert.deepEqual(await readFile(file.path), bytes)
  const again = await pool.call(prefetchModel, { model: 'tuned', workers: [to.key] }, context)
  assert.equal(again.workers[0]!.outcome, 'here')
  await assert.rejects(pool.call(prefetchModel, { model: 'nothing' }, context), {
    code: 'MODEL_NOT_FOUND'
  })
})

test('whoever may not give says so, and vouches for nothing that is damaged', async (t) => {
  const mesh = await meshOfFile()
  const [closed, damaged, asks] = [
    await addHolder(t, mesh, { seeds: false }),
    await addHolder(t, mesh),
    await addHolder(t, mesh)
  ]
  const digest = await give(closed, weightsOf(1))
  await closed.mesh.welcome()
  using context = createContext({ timeoutMs: patience(20_000) })
  const link = await asks.mesh.reach(Buffer.from(closed.key, 'hex'))
  await assert.rejects(link.call(listWeights, { digest }, context), { code: 'FORBIDDEN' })
  const other = await give(damaged, weightsOf(1))
  const { path } = await damaged.weights.shelf.file(other)
  await writeFile(path, Buffer.alloc(MB + 17))
  const to = await asks.mesh.reach(Buffer.from(damaged.key, 'hex'))
  await assert.rejects(to.stream(readManifest, { sha256: other }, context).next(), {
    code: 'MODEL_LOAD_FAILED'
  })
})
