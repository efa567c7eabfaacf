/** Artifacts of jobs: whose they are, where their bytes come from, and when they go. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { silentLogger } from '#shared/process/log.ts'
import { Outage } from '#shared/kit/outage.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { Store } from '#shared/store/store.ts'
import { Artifacts } from '../../../../services/jobs/artifacts/artifacts.ts'
import { Copies, readS3 } from '../../../../services/jobs/artifacts/copies.ts'
import { artifactUrisIn, parseArtifactUri } from '../../../../services/jobs/artifacts/uris.ts'
import { ArtifactUpkeep } from '../../../../services/jobs/artifacts/upkeep.ts'
import { insertArtifacts } from '../../../../services/jobs/store/artifacts/artifacts.ts'
import { retrieve } from '../../../../services/jobs/retrieval/retrieval.ts'
import { startS3 } from '../../../helpers/upstreams/s3-server.ts'
import { STORE_KINDS } from '../../../helpers/stores/stores.ts'
import { Shared } from '../../../helpers/peers/peers.ts'

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
  new Artifacts({ store, link: () => undefined, copies: null, bytesMax: () => Infinity, ...more })

for (const kind of STORE_KINDS) {
  describe(`over ${kind.name}`, () => {
    const scope = new Shared()
    let store: Store
    before(async () => {
      ;({ store } = await kind.start(scope))
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
      const foreign = artifacts.grant('r0', { tenant: 'other', worker: 'w', input })
      await assert.rejects(foreign, { code: 'NOT_FOUND' })
      const [given] = await artifacts.grant('r1', { tenant: 'acme', worker: 'w', input })
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

    test('a tenant’s quota bounds its artifacts, and its days end them', async () => {
      const artifacts = open(store, { bytesMax: () => 1_500_000 })
      const { job_id } = await keepLarge(store, artifacts, 'small')
      await assert.rejects(keepLarge(store, artifacts, 'small'), { code: 'ARTIFACT_QUOTA' })
      await store.query(
        `update artifacts set created_at = now() - interval '8 days' where job_id = $1`,
        [job_id]
      )
      const days = (tenant: string) => (tenant === 'small' ? 7 : 30)
      const deps = { store, artifacts, copies: null, links: () => [], outage }
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
      const upkeep = new ArtifactUpkeep({ store, artifacts, copies, links, days: () => 30, outage })
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
  })
}

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
