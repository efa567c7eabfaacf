import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Engine } from '../../../../../services/worker/engines/engine.ts'
import { writeRandomModel } from '../../../../../tools/haif-tiny/gguf/random-model.ts'
import {
  fetchModel,
  type FetchDeps
} from '../../../../../services/worker/models/sources/fetch-model.ts'
import {
  parseHubUri,
  readHub,
  type Hub
} from '../../../../../services/worker/models/sources/hub.ts'
import { modelSource } from '../../../../../services/worker/models/sources/model-uri.ts'
import { until } from '../../../../helpers/until.ts'
import { startHub, type TestHub } from './models-hub.ts'

const MIB = 1 << 20
const URI = 'hf:user/tiny-GGUF:Q8_0'
const FILE = 'tiny-Q8_0.gguf'

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'haif-models-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const hubWith = (t: TestContext, file: Buffer, setup = {}): Promise<TestHub> =>
  startHub(t, { files: { [FILE]: file }, tags: { Q8_0: FILE }, ...setup })

const fetchFrom = (hub: Hub, folder: string, deps: Partial<FetchDeps> = {}) =>
  fetchModel(parseHubUri(URI), { folder, hub, onProgress: () => {}, ...deps })

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

function randomModel(folder: string): Buffer {
  const path = join(folder, 'random.gguf')
  writeRandomModel(path)
  return readFileSync(path)
}

async function loadError(t: TestContext, engine: Engine): Promise<Error & { code?: string }> {
  t.after(() => engine.close())
  return engine.load().then(
    () => assert.fail('it was loaded'),
    (error: Error) => error
  )
}

test('a model of the hub is downloaded once, with its SHA-256 beside it, and then needs no hub', async (t) => {
  const folder = temporaryFolder(t)
  const file = randomBytes(300_000)
  const hub = await hubWith(t, file)
  const progress: number[] = []
  const onProgress = (fraction: number) => progress.push(fraction)
  const model = await fetchFrom(hub.hub, folder, { onProgress })
  assert.equal(model.entry, join(folder, 'user', 'tiny-GGUF', 'tiny-q8_0.gguf'))
  assert.deepEqual(readFileSync(model.entry), file)
  assert.equal(readFileSync(`${model.entry}.sha256`, 'utf8'), `${sha256(file)}  tiny-q8_0.gguf\n`)
  assert.equal(progress.at(-1), 1)
  const requests = hub.requests.length
  assert.deepEqual(await fetchFrom(hub.hub, folder), model)
  assert.equal(hub.requests.length, requests)
})

test('many who want the same model wait for one download', async (t) => {
  const folder = temporaryFolder(t)
  const hub = await hubWith(t, randomBytes(300_000))
  const models = await Promise.all(Array.from({ length: 4 }, () => fetchFrom(hub.hub, folder)))
  assert.equal(new Set(models.map(({ entry }) => entry)).size, 1)
  assert.equal(hub.requests.filter((request) => request.includes('/manifests/')).length, 1)
  assert.equal(hub.rangeBytes, 300_000)
})

test('a split model is all of its parts', async (t) => {
  const folder = temporaryFolder(t)
  const parts = [randomBytes(1000), randomBytes(2000)]
  const names = ['tiny-00001-of-00002.gguf', 'tiny-00002-of-00002.gguf']
  const files = Object.fromEntries(names.map((name, i) => [name, parts[i]!]))
  const hub = await startHub(t, { files, tags: { Q8_0: names[0]! } })
  const model = await fetchFrom(hub.hub, folder)
  assert.deepEqual(
    model.files.map(({ digest }) => digest),
    parts.map((part) => sha256(part))
  )
  assert.ok(model.entry.endsWith('tiny-q8_0-00001-of-00002.gguf'))
  assert.deepEqual(await fetchFrom(hub.hub, folder), model)
})

test('a connection that is cut is taken up where it broke', async (t) => {
  const folder = temporaryFolder(t)
  const file = randomBytes(11 * MIB)
  let cuts = 2
  const sendOnly = () => (cuts-- > 0 ? ({ bytes: MIB, ending: 'cut' } as const) : null)
  const hub = await hubWith(t, file, { sendOnly })
  const { entry } = await fetchFrom(hub.hub, folder)
  assert.equal(sha256(readFileSync(entry)), sha256(file))
})

test('a download that was killed goes on from what had arrived', async (t) => {
  const folder = temporaryFolder(t)
  const file = randomBytes(16 * MIB)
  const sendOnly = (start: number) =>
    start === 0 ? ({ bytes: MIB, ending: 'hang' } as const) : null
  const hub = await hubWith(t, file, { sendOnly })
  const code = `
    import { fetchModel } from ${JSON.stringify(moduleUrl('fetch-model.ts'))}
    import { parseHubUri } from ${JSON.stringify(moduleUrl('hub.ts'))}
    const [folder, endpoint] = process.argv.slice(1)
    await fetchModel(parseHubUri('${URI}'), { folder, hub: { endpoint }, onProgress() {} })`
  const args = ['--input-type=module', '--eval', code, folder, hub.hub.endpoint]
  const child = spawn(process.execPath, args, {
    cwd: fileURLToPath(new URL('../../../../..', import.meta.url)),
    stdio: ['ignore', 'ignore', 'inherit']
  })
  t.after(() => child.kill('SIGKILL'))
  const partial = join(folder, 'user', 'tiny-GGUF', 'tiny-q8_0.gguf.ipull')
  await until(() => arrivedPart(partial, file.length) >= 0.5, 30_000)
  child.kill('SIGKILL')
  await once(child, 'exit')

  delete hub.setup.sendOnly
  hub.rangeBytes = 0
  const { entry } = await fetchFrom(hub.hub, folder)
  assert.equal(sha256(readFileSync(entry)), sha256(file))
  const fetched = hub.rangeBytes / file.length
  // The downloader may fetch a chunk again that was under way, but not what had arrived before.
  assert.ok(fetched < 0.9, `${fetched} of the file was fetched again`)
  assert.ok(!existsSync(partial))
})

const moduleUrl = (name: string): string =>
  new URL(`../../../../../services/worker/models/sources/${name}`, import.meta.url).href

/**
 * Returns how much of a file has arrived, from 0 to 1. The downloader keeps a list of chunks behind
 * the bytes of the file; 2 is complete.
 */
function arrivedPart(partial: string, fileBytes: number): number {
  if (!existsSync(partial)) return 0
  const list = readFileSync(partial).subarray(fileBytes).toString()
  const chunks = /"chunks":\[([\d,]+)\]/.exec(list)?.[1]?.split(',') ?? []
  return chunks.filter((chunk) => chunk === '2').length / Math.max(1, chunks.length)
}

test('what arrives damaged is thrown away and never loaded', async (t) => {
  const folder = temporaryFolder(t)
  const hub = await hubWith(t, randomBytes(1000), { sha256: 'a'.repeat(64) })
  await assert.rejects(fetchFrom(hub.hub, folder), (error: Error & { code: string }) => {
    return error.code === 'DOWNLOAD_FAILED' && error.message.startsWith(`${URI} was damaged`)
  })
  assert.ok(!existsSync(join(folder, 'user', 'tiny-GGUF', 'tiny-q8_0.gguf')))
})

test('a download that has changed since is MODEL_LOAD_FAILED with the name of the file', async (t) => {
  const folder = temporaryFolder(t)
  const hub = await hubWith(t, randomModel(folder))
  const source = modelSource(URI, { folder, hub: hub.hub })
  const good = await source.open(() => {})
  t.after(() => good.close())
  const { name, digest } = await good.load()
  assert.deepEqual({ name, digest }, { name: 'tiny-q8_0', digest: sha256(hub.setup.files[FILE]!) })

  const path = join(folder, 'user', 'tiny-GGUF', 'tiny-q8_0.gguf')
  const flipped = Buffer.from(hub.setup.files[FILE]!)
  flipped[flipped.length - 1]! ^= 1
  for (const bytes of [flipped, flipped.subarray(0, 1000), Buffer.from('not a model')]) {
    writeFileSync(path, bytes)
    const error = await loadError(t, await source.open(() => {}))
    assert.equal(error.code, 'MODEL_LOAD_FAILED')
    assert.ok(error.message.startsWith(`${path} is no longer what was downloaded`), error.message)
  }
})

test('a failed download says what to do', async (t) => {
  const folder = temporaryFolder(t)
  const hub = await hubWith(t, randomBytes(1000))
  const failure = (uri: string, deps: Partial<FetchDeps> = {}) =>
    fetchModel(parseHubUri(uri), { folder, hub: hub.hub, onProgress: () => {}, ...deps }).then(
      () => assert.fail(`${uri} was downloaded`),
      ({ code, message }: Error & { code: string }) => {
        assert.equal(code, 'DOWNLOAD_FAILED')
        assert.ok(message.startsWith(`${uri} cannot be downloaded: `), message)
        return message
      }
    )
  assert.match(await failure('hf:user/tiny-GGUF:Q2_K'), /has no file for Q2_K/)
  assert.match(await failure('hf:user/tiny-GGUF/no.gguf'), /there is no such file; see http/)
  const gone = { endpoint: 'http://127.0.0.1:9' }
  assert.match(await failure(URI, { hub: gone }), /127\.0\.0\.1:9 cannot be reached \(.+\); check/)
  const full = { freeBytes: async () => 10 }
  assert.match(await failure(URI, full), /needs 0\.0 GB and .+ has room for 0\.0; make room/)
})

test('HF_TOKEN opens a private model, and HF_ENDPOINT names the hub', async (t) => {
  const folder = temporaryFolder(t)
  const { hub } = await hubWith(t, randomBytes(1000), { token: 'hf_secret' })
  await assert.rejects(fetchFrom(hub, folder), /not public; check the name, or set HF_TOKEN/)
  const withToken = readHub({ HF_ENDPOINT: `${hub.endpoint}/`, HF_TOKEN: 'hf_secret' })
  assert.deepEqual(withToken, { ...hub, token: 'hf_secret' })
  await fetchFrom(withToken, folder)
  assert.throws(() => readHub({ HF_ENDPOINT: 'hub' }), { code: 'CONFIG_INVALID' })
})
