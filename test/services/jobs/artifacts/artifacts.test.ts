/** Artifacts of jobs: whose they are, how they go from machine to machine, and when they go. */
import assert from 'node:assert/strict'
import { randomBytes, hash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { findArtifact, readArtifact } from '#shared/contracts/jobs/artifacts.ts'
import type { GraphTask } from '#shared/contracts/jobs/graph.ts'
import { listTasks, submitJob, watchJob } from '#shared/contracts/jobs/methods.ts'
import { Outage } from '#shared/kit/outage.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { silentLogger } from '#shared/process/log.ts'
import { createContext, type RequestContext } from '#shared/rpc/context.ts'
import type { Store } from '#shared/store/store.ts'
import { Artifacts } from '../../../../services/jobs/artifacts/artifacts.ts'
import { Copies, readS3 } from '../../../../services/jobs/artifacts/copies.ts'
import { ArtifactUpkeep } from '../../../../services/jobs/artifacts/upkeep.ts'
import { artifactUrisIn, parseArtifactUri } from '../../../../services/jobs/artifacts/uris.ts'
import { retrieve } from '../../../../services/jobs/retrieval/retrieval.ts'
import { insertArtifacts } from '../../../../services/jobs/store/artifacts/artifacts.ts'
import { ArtifactStore } from '../../../../services/worker/artifacts/artifact-store.ts'
import { Aggregation } from '../../../../services/worker/tasks/aggregation/aggregation.ts'
import type { TaskKind } from '../../../../services/worker/tasks/task-kind.ts'
import type { Worker } from '../../../../services/worker/worker.ts'
import { startJobsMesh } from '../../../helpers/jobs/jobs-mesh.ts'
import { Shared, contextFor } from '../../../helpers/peers/peers.ts'
import { startPostgresStore } from '../../../helpers/stores/stores.ts'
import { until } from '../../../helpers/until.ts'
import { startS3 } from '../../../helpers/upstreams/s3-server.ts'

const context = createContext({ timeoutMs: 600_000 })
after(() => context[Symbol.dispose]())
const outage = new Outage(silentLogger(), { begins: 'x', ends: 'y' })

async function makeJob(store: Store, tenant: string): Promise<string> {
  const jobId = `job-${randomBytes(16).toString('hex')}`
  await store.query(
    `insert into jobs (job_id, tenant_id, type, priority, submitted, total, queued)
     values ($1, $2, 'chat', 'standard', '{}', 1, 1)`,
    [jobId, tenant]
  )
  return jobId
}

/** An output of over 1 MiB that a jobs service keeps. */
async function keepLarge(store: Store, artifacts: Artifacts, tenant: string) {
  const job_id = await makeJob(store, tenant)
  const text = randomBytes(600_000).toString('hex')
  const result = await artifacts.kept({ tenant_id: tenant }, { output: { text } })
  const task = { job_id, task_id: 't1', tenant_id: tenant, worker: null }
  const made = { ...task, artifacts: JSON.stringify(result.artifacts) }
  await insertArtifacts(store, [made])
  return { job_id, text, made, output: JSON.stringify(result.output) }
}

async function bytesOf(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part)
  return Buffer.concat(all)
}

const open = (store: Store, more: Partial<ConstructorParameters<typeof Artifacts>[0]> = {}) =>
  new Artifacts({
    store,
    link: () => undefined,
    copies: null,
    bytesMax: () => Infinity,
    readBundle: async function* () {
      yield Buffer.from('bundle')
      return {}
    },
    ...more
  })

const scope = new Shared()
let store: Store
before(async () => {
  ;({ store } = await startPostgresStore(scope))
})
after(() => scope.end())

test('a large output is kept beside its task, and read by those that refer to it', async () => {
  const artifacts = open(store)
  const { job_id, text, made, output } = await keepLarge(store, artifacts, 'acme')
  assert.deepEqual(JSON.parse(output), { $artifact: 'output.json' })
  const whole = await artifacts.outputOf({ ...made, output }, context)
  const uri = `artifact://${job_id}/t1/output.json`
  assert.deepEqual(whole, { text, artifacts: { 'output.json': uri } })
  const of = { jobId: job_id, taskId: 't1', name: 'output.json', tenant: 'acme' }
  const part = await bytesOf(artifacts.readFor({ ...of, from: 700_000, to: 700_010 }, context))
  assert.equal(part.toString(), JSON.stringify({ text }).slice(700_000, 700_010))
  assert.equal((await artifacts.facts(of)).bytes, text.length + 11)
  await assert.rejects(artifacts.facts({ ...of, tenant: 'other' }), { code: 'NOT_FOUND' })
})

test('a run may read what its input names, if it is of its tenant, and nobody else', async () => {
  const artifacts = open(store)
  const { job_id, text } = await keepLarge(store, artifacts, 'acme')
  const uri = `artifact://${job_id}/t1/output.json`
  const input = { files: { a: uri } }
  const of = { worker: 'w', type: 'tool_execution', input }
  const foreign = artifacts.grant('r0', { tenant: 'other', ...of })
  await assert.rejects(foreign, { code: 'NOT_FOUND' })
  const [given] = await artifacts.grant('r1', { tenant: 'acme', ...of })
  assert.equal(given!.uri, uri)
  const read = (worker: string, name: string, run = 'r1') =>
    bytesOf(artifacts.readForRun({ run, uri: name }, worker, context))
  assert.equal((await read('w', uri)).length, text.length + 11)
  const refused = { code: 'NOT_FOUND' }
  await assert.rejects(read('another worker', uri), refused)
  await assert.rejects(read('w', uri, 'r2'), refused)
  await assert.rejects(read('w', `${uri}x`), refused)
  artifacts.revoke('r1')
  await assert.rejects(read('w', uri), refused)
})

test('the worker of a function reads the bundle of its run, and nobody else does', async (t) => {
  const context = contextFor(t)
  const artifacts = open(store)
  const bundle = { sha256: 'a'.repeat(64), bytes: 6 }
  const of = { tenant: 'acme', worker: 'w', type: 'function', input: { bundle } }
  const [given] = await artifacts.grant('f1', of)
  assert.deepEqual(given, { uri: `bundle:${bundle.sha256}`, ...bundle })
  const read = (worker: string, uri = `bundle:${bundle.sha256}`) =>
    bytesOf(artifacts.readForRun({ run: 'f1', uri }, worker, context))
  assert.equal((await read('w')).toString(), 'bundle')
  await assert.rejects(read('x'), { code: 'NOT_FOUND' })
  await assert.rejects(read('w', `bundle:${'b'.repeat(64)}`), { code: 'NOT_FOUND' })
  const tool = await artifacts.grant('f2', { ...of, type: 'tool_execution' })
  assert.deepEqual(tool, [])
})

test('a tenant’s quota bounds its artifacts, and its days end them', async () => {
  const artifacts = open(store, { bytesMax: () => 1_500_000 })
  const { job_id } = await keepLarge(store, artifacts, 'small')
  await assert.rejects(keepLarge(store, artifacts, 'small'), { code: 'ARTIFACT_QUOTA' })
  await store.query(
    `update artifacts set created_at = now() - interval '8 days' where job_id = $1`,
    [job_id]
  )
  const days = (tenant: string) => (tenant === 'small' ? 7 : 30)
  const jobDays = (tenant: string) => (tenant === 'small' ? 60 : 90)
  const deps = { store, artifacts, copies: null, links: () => [], outage, jobDays }
  const lost = `update artifact_chunks set written_at = now() - interval '2 hours'`
  await store.query(lost)
  await new ArtifactUpkeep({ ...deps, days }).sweep()
  const of = { jobId: job_id, taskId: 't1', name: 'output.json' }
  await assert.rejects(artifacts.facts(of), { code: 'NOT_FOUND' })
  const [left] = await store.query<{ chunks: number; others: number }>(
    `select (select count(*) from artifact_chunks c where not exists
       (select from artifacts a where a.sha256 = c.sha256))::integer as chunks,
       (select count(*) from artifacts)::integer as others`
  )
  const old = `update jobs set created_at = now() - interval '61 days',
    ended_at = now() - interval '61 days'`
  const isThere = async () =>
    (await store.query('select 1 from jobs where job_id = $1', [job_id])).length > 0
  await store.query(`${old}, status = 'Running' where job_id = $1`, [job_id])
  await new ArtifactUpkeep({ ...deps, days }).sweep()
  assert.ok(await isThere(), 'a job that has not ended was removed')
  await store.query(`${old}, status = 'Failed' where job_id = $1`, [job_id])
  await new ArtifactUpkeep({ ...deps, days }).sweep()
  assert.ok(!(await isThere()))
  assert.equal(left!.chunks, 0)
  assert.ok(left!.others > 0)
})

test('a copy outlives the machine that made an artifact', async (t) => {
  const s3 = await startS3(t)
  if (s3 === null) return t.skip('s3rver is not installed: npm install --no-save s3rver')
  const copies = new Copies(readS3(s3)!)
  const artifacts = open(store, { copies })
  const { job_id, text } = await keepLarge(store, artifacts, 'acme')
  const links = () => []
  const days = () => 30
  const deps = { store, artifacts, copies, links, days, jobDays: () => 90, outage }
  const upkeep = new ArtifactUpkeep(deps)
  await upkeep.copy()
  await store.query(`update artifacts set holder = 'gone' where job_id = $1`, [job_id])
  const of = { jobId: job_id, taskId: 't1', name: 'output.json' }
  const whole = JSON.stringify({ text })
  assert.equal((await bytesOf(artifacts.readFor(of, context))).toString(), whole)
  const part = await bytesOf(artifacts.readFor({ ...of, from: 5, to: 20 }, context))
  assert.equal(part.toString(), whole.slice(5, 20))
  const wrong = new Copies({ ...readS3(s3)!, secretAccessKey: 'wrong' })
  const refused = bytesOf(wrong.read('a'.repeat(64), 0, 1))
  await assert.rejects(refused, { code: 'ARTIFACT_UNAVAILABLE' })
  const alone = open(store)
  await assert.rejects(bytesOf(alone.readFor(of, context)), { code: 'ARTIFACT_UNAVAILABLE' })
})

test('a collection is found again by its tenant, by words and by vectors', async () => {
  const vectors: Record<string, number[]> = { cat: [1, 0], dog: [0, 1], kitten: [0.9, 0.1] }
  const embed = async (texts: readonly string[]) =>
    texts.map((text) =>
      Buffer.from(new Float32Array(vectors[text] ?? [0.5, 0.5]).buffer).toString('base64')
    )
  const readArtifact = async () => '["from an artifact"]'
  const find = async (tenant: string, input: object) => {
    const { output } = await retrieve(input, { store, tenant, embed, readArtifact })
    return output as { documents: { text: string; score: number }[]; count: number }
  }
  const add = ['cat', { text: 'dog', kind: 'canine' }, 'artifact://job-1/t/n']
  const named = { collection: 'pets', model: 'm' }
  const first = await find('acme', { ...named, query: 'kitten', add, top_k: 1 })
  assert.deepEqual(
    first.documents.map(({ text }) => text),
    ['cat']
  )
  assert.equal((await find('other', { ...named, query: 'kitten' })).count, 0)
  const words = await find('acme', { collection: 'pets', query: 'artifact' })
  assert.equal(words.documents[0]!.text, 'from an artifact')
  const filter = { kind: 'canine' }
  const filtered = await find('acme', { ...named, query: 'kitten', filter })
  assert.equal(filtered.documents[0]!.text, 'dog')
  await find('acme', { ...named, query: 'x', add: ['cat'] }) // once more
  const [row] = await store.query<{ count: number }>(
    `select count(*)::integer as count from collection_documents where tenant_id = 'acme'`
  )
  assert.equal(row!.count, 3)
  await assert.rejects(find('acme', { query: 'x' }), { code: 'VALIDATION_FAILED' })
})

const bytes = randomBytes(700_000) // so many that workers give it to each other

/** Keeps what `stdin` names, or reads what it is given. */
const tool: TaskKind = {
  type: 'tool_execution',
  async *run(given, { artifacts }) {
    yield {}
    const { stdin, files } = given as { stdin?: string; files?: { a: string } }
    if (files !== undefined) {
      const read = await artifacts.read(files.a, 10_000_000)
      return { output: { text: hash('sha256', read) } }
    }
    if (stdin === 'forged') {
      const forged = { name: 'x', sha256: 'f'.repeat(64), bytes: 3 }
      return { output: { text: '' }, artifacts: [forged] }
    }
    if (stdin === 'bad name') {
      return { output: {}, artifacts: [{ name: '../../x', sha256: 'f'.repeat(64), bytes: 3 }] }
    }
    const made = await artifacts.keep(stdin!, parts(), 'application/x-test')
    return { output: { text: 'made' }, artifacts: [made] }
  }
}

async function* parts() {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000)
}

const started = scope.once(async () => {
  const mesh = await startJobsMesh(scope, { stores: [store] })
  const workers: { folder: string; worker: Worker; mesh: Mesh }[] = []
  for (const name of ['one', 'two']) {
    const folder = join(mkdtempSync(join(tmpdir(), 'haif-flow-')), 'artifacts')
    const artifacts = new ArtifactStore({ folder, bytesMax: 1e9, keepMs: 1e9 })
    const kinds = [tool, new Aggregation()]
    workers.push({ folder, ...(await mesh.addWorker(kinds, { labels: { name }, artifacts })) })
  }
  return { workers, link: await mesh.link() }
})

const on = (name: string, id: string, input: object, needed: string[] = []): GraphTask => ({
  id,
  type: 'tool_execution',
  input: { command: ['x'], ...input },
  dependencies: needed,
  constraints: { labels: { name } },
  retries: 0
})

const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => '',
    (error: Error) => error.message
  )

async function run(tasks: GraphTask[], tenant: string, context: RequestContext) {
  const { link } = await started()
  const { jobId } = await link.call(submitJob, { tenant, job: { tasks } }, context)
  let last = ''
  for await (const { event } of link.stream(watchJob, { jobId }, context)) last = event
  const { tasks: ended } = await link.call(listTasks, { jobId, query: {} }, context)
  return { jobId, last, ended }
}

test('a task reads what a task on another machine has made, and callers get parts of it', async (t) => {
  const { link, workers } = await started()
  const context = contextFor(t)
  const { jobId, ended } = await run(
    [
      on('one', 'make', { stdin: 'data' }),
      on('two', 'use', { files: { a: { $from: 'make.artifacts.data' } } }, ['make']),
      {
        id: 'merge',
        type: 'aggregation',
        input: { artifacts: { $from: 'make.artifacts' } },
        dependencies: ['make']
      }
    ],
    'a',
    context
  )
  const outputs = new Map(ended.map(({ taskId, output }) => [taskId, output]))
  assert.deepEqual(outputs.get('use'), { text: hash('sha256', bytes) }, JSON.stringify(ended))
  assert.deepEqual(readdirSync(workers[1]!.folder), [hash('sha256', bytes)])
  const [one, two] = workers
  assert.ok(two!.mesh.link(one!.mesh.key), 'it did not come from that machine itself')
  const of = { tenant: 'a', jobId, taskId: 'make', name: 'data' }
  const facts = await link.call(findArtifact, of, context)
  const used = { ...of, taskId: 'use', name: 'output.json' }
  assert.equal((await link.call(findArtifact, used, context)).bytes, 75)
  const merged = ended.find(({ taskId }) => taskId === 'merge')
  assert.equal(merged?.outputArtifactUri, `artifact://${jobId}/merge/output.json`) // it is large
  assert.deepEqual([facts.bytes, facts.mediaType], [bytes.length, 'application/x-test'])
  const read: Uint8Array[] = []
  const wish = { ...of, from: 299_000, to: 612_345 }
  for await (const part of link.stream(readArtifact, wish, context)) read.push(part)
  assert.deepEqual(Buffer.concat(read), bytes.subarray(299_000, 612_345))
  const foreign = { ...of, tenant: 'b' }
  await assert.rejects(link.call(findArtifact, foreign, context), { code: 'NOT_FOUND' })
})

test('another tenant’s artifact, a forged one and a bad name end in a failure that says so', async (t) => {
  const { link } = await started()
  const context = contextFor(t)
  const { jobId } = await run([on('one', 'make', { stdin: 'data' })], 'a', context)
  const uri = `artifact://${jobId}/make/data`
  const steal = await run([on('two', 'use', { files: { a: uri } })], 'b', context)
  assert.deepEqual([steal.last, steal.ended[0]!.errorCode], ['job.failed', 'NOT_FOUND'])
  const bad = await run([on('one', 'make', { stdin: 'bad name' })], 'a', context)
  assert.equal(bad.last, 'job.failed')
  const forged = await run([on('one', 'make', { stdin: 'forged' })], 'a', context)
  const of = { tenant: 'a', jobId: forged.jobId, taskId: 'make', name: 'x' }
  const reading = link.stream(readArtifact, of, context).next()
  await assert.rejects(reading, { code: 'NOT_FOUND' }) // the worker has none such
})

test('a machine that is away or has lost the bytes is named, and nobody gets others', async (t) => {
  const { link, workers } = await started()
  const context = contextFor(t)
  const { jobId } = await run([on('one', 'make', { stdin: 'data' })], 'c', context)
  const [one, two] = workers
  const sha256 = hash('sha256', bytes)
  rmSync(join(two!.folder, sha256), { force: true })
  writeFileSync(join(one!.folder, sha256), 'something else')
  const uri = `artifact://${jobId}/make/data`
  const damaged = await run([on('two', 'use', { files: { a: uri } })], 'c', context)
  assert.equal(damaged.ended[0]!.errorCode, 'ARTIFACT_UNAVAILABLE', JSON.stringify(damaged.ended))
  assert.deepEqual(readdirSync(two!.folder), [])
  const again = await run([on('one', 'make', { stdin: 'data' })], 'c', context)
  const fetched = `artifact://${again.jobId}/make/data`
  await run([on('two', 'use', { files: { a: fetched } })], 'c', context)
  const forged = await run([on('one', 'make', { stdin: 'forged' })], 'c', context)
  await one!.worker.stop()
  const of = { tenant: 'c', jobId: again.jobId, taskId: 'make', name: 'data' }
  assert.deepEqual(await bytesOf(link.stream(readArtifact, of, context)), bytes) // from the other
  const away = { ...of, jobId: forged.jobId, name: 'x' }
  const reading = () => link.stream(readArtifact, away, context).next()
  await until(async () => /is away/.test(await messageOf(reading())))
})

test('only whole URIs of artifacts are taken for some', () => {
  const job = `job-${'0'.repeat(32)}`
  assert.deepEqual(parseArtifactUri(`artifact://${job}/t2.0/a.txt`), {
    jobId: job,
    taskId: 't2.0',
    name: 'a.txt'
  })
  for (const wrong of ['', '..', '.', 'a/b', '../x', 'a b', 'x'.repeat(200)]) {
    assert.equal(parseArtifactUri(`artifact://${job}/t/${wrong}`), null)
  }
  const nested = { a: [`artifact://${job}/t/x`, 'artifact://no'], b: `artifact://${job}/t/x` }
  assert.deepEqual(artifactUrisIn(nested), [`artifact://${job}/t/x`])
})

test('an S3 server needs its bucket and its keys', () => {
  const keys = { S3_ACCESS_KEY_ID: 'a', S3_SECRET_ACCESS_KEY: 'b' }
  assert.equal(readS3(keys), null)
  assert.equal(readS3({ ...keys, S3_ENDPOINT: 'http://s3/haif/' })!.endpoint, 'http://s3/haif')
  for (const env of [{ S3_ENDPOINT: 'http://s3/haif' }, { ...keys, S3_ENDPOINT: 'http://s3' }]) {
    assert.throws(() => readS3(env), { code: 'CONFIG_INVALID' })
  }
})
