import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { HaifError } from '#shared/errors.ts'
import type { Environment } from '#shared/process/config.ts'
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
import { Pieces } from '../../../../../services/worker/models/download/pieces.ts'
import { until } from '../../../../helpers/until.ts'
import { startHub, type Lie, type TestHub } from '../download/models-hub.ts'

const MIB = 1 << 20
type FetchProgress = Parameters<FetchDeps['onProgress']>[0]
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

/** Begins as a model does, which is looked at. */
const randomFile = (bytes: number): Buffer => {
  const file = randomBytes(bytes)
  file.write('GGUF')
  return file
}

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
  const file = randomFile(300_000)
  const hub = await hubWith(t, file)
  const progress: FetchProgress[] = []
  const onProgress = (download: FetchProgress) => progress.push(download)
  const model = await fetchFrom(hub.hub, folder, { onProgress })
  assert.equal(model.entry, join(folder, 'user', 'tiny-GGUF', 'tiny-q8_0.gguf'))
  assert.deepEqual(readFileSync(model.entry), file)
  assert.equal(readFileSync(`${model.entry}.sha256`, 'utf8'), `${sha256(file)}  tiny-q8_0.gguf\n`)
  assert.equal(progress.at(-1)!.bytes, 300_000)
  assert.equal(progress.at(-1)!.totalBytes, 300_000)
  const requests = hub.requests.length
  assert.deepEqual(await fetchFrom(hub.hub, folder), model)
  assert.equal(hub.requests.length, requests)
})

test('why a server is asked again is told, once', async (t) => {
  const file = randomFile(300_000)
  let lies = 3
  const lie: Lie = ({ what, start, response }) => {
    if (what !== 'bytes' || lies-- <= 0) return false
    response.writeHead(206, { 'content-range': `bytes ${start}-/9` }).end(file)
    return true
  }
  const hub = await hubWith(t, file, { lie })
  const faults: string[] = []
  const onFault = (fault: string) => faults.push(fault)
  const limits = { pauseMs: 1 }
  const model = await fetchFrom(hub.hub, temporaryFolder(t), { onFault, limits })
  assert.deepEqual(readFileSync(model.entry), file)
  assert.equal(faults.length, 1)
  assert.match(faults[0]!, /^hf:user.* answers with other bytes than .*; it is asked again$/)
})

test('many who want the same model wait for one download', async (t) => {
  const folder = temporaryFolder(t)
  const hub = await hubWith(t, randomFile(300_000))
  const models = await Promise.all(Array.from({ length: 4 }, () => fetchFrom(hub.hub, folder)))
  assert.equal(new Set(models.map(({ entry }) => entry)).size, 1)
  assert.equal(hub.requests.filter((request) => request.includes('/manifests/')).length, 1)
  assert.equal(hub.rangeBytes, 300_000)
})

test('a split model is all of its parts', async (t) => {
  const folder = temporaryFolder(t)
  const parts = [randomFile(1000), randomFile(2000)]
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

test('a download that was killed goes on from what had arrived', async (t) => {
  const folder = temporaryFolder(t)
  const file = randomFile(16 * MIB)
  const sendOnly = (start: number) =>
    start >= 9 * MIB ? ({ bytes: 10, ending: 'hang' } as const) : null
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
  const partial = join(folder, 'user', 'tiny-GGUF', 'tiny-q8_0.gguf.part')
  await until(() => arrivedPart(`${partial}.json`) >= 0.5, 30_000)
  child.kill('SIGKILL')
  await once(child, 'exit')

  delete hub.setup.sendOnly
  hub.rangeBytes = 0
  const { entry } = await fetchFrom(hub.hub, folder)
  assert.equal(sha256(readFileSync(entry)), sha256(file))
  const fetched = hub.rangeBytes / file.length
  assert.ok(fetched < 0.6, `${fetched} of the file was fetched again`)
  assert.deepEqual(readdirSync(dirname(entry)).toSorted(), [
    'tiny-q8_0.gguf',
    'tiny-q8_0.gguf.sha256',
    'tiny-q8_0.lock'
  ])
})

const moduleUrl = (name: string): string =>
  new URL(`../../../../../services/worker/models/sources/${name}`, import.meta.url).href

/** How much of a file has arrived and is known to have, from 0 to 1. */
function arrivedPart(list: string): number {
  if (!existsSync(list)) return 0
  const text = readFileSync(list, 'utf8')
  if (!text.endsWith('}')) return 0 // it is being written
  const { sizeBytes, pieces } = JSON.parse(text) as { sizeBytes: number; pieces: string }
  return new Pieces(sizeBytes, pieces).arrivedBytes / sizeBytes
}

test('what arrives damaged is thrown away and never loaded', async (t) => {
  const folder = temporaryFolder(t)
  const hub = await hubWith(t, randomFile(1000), { sha256: 'a'.repeat(64) })
  await assert.rejects(fetchFrom(hub.hub, folder), (error: HaifError) => {
    assert.match(error.message, /^hf:user\/tiny-GGUF:Q8_0 was damaged on its way, twice .*another/)
    return error.code === 'DOWNLOAD_FAILED' && error.retryAfterMs === undefined
  })
  assert.deepEqual(readdirSync(join(folder, 'user', 'tiny-GGUF')), ['tiny-q8_0.lock'])
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
    assert.ok(
      error.message.startsWith(`cannot load ${path}: it is no longer what was`),
      error.message
    )
  }
})

test('a failed download says what to do', async (t) => {
  const folder = temporaryFolder(t)
  const hub = await hubWith(t, randomFile(1000))
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
  assert.match(
    await failure(URI, { hub: gone }),
    /127\.0\.0\.1:9 cannot be reached \(.+\); check the network/
  )
})

test('a token opens a private model, given or saved, and HF_ENDPOINT names the hub', async (t) => {
  const folder = temporaryFolder(t)
  const { hub } = await hubWith(t, randomFile(1000), { token: 'hf_secret' })
  await assert.rejects(fetchFrom(hub, folder), /not public; check the name, or set HF_TOKEN/)
  const env = { HF_ENDPOINT: `${hub.endpoint}/` }
  const withToken = readHub({ ...env, HF_TOKEN: 'hf_secret', HF_HOME: folder })
  assert.deepEqual(withToken, { ...hub, token: 'hf_secret', tokenFrom: 'HF_TOKEN' })
  await fetchFrom(withToken, folder)
  assert.throws(() => readHub({ HF_ENDPOINT: 'hub' }), { code: 'CONFIG_INVALID' })
})

test('the token that "hf auth login" saved is used as it uses it, and for no other mirror', (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'token')
  writeFileSync(file, 'hf_saved\n')
  const tokenOf = (env: Environment) => readHub({ HF_HOME: '/nowhere', ...env }).token
  assert.equal(tokenOf({ HF_HOME: folder }), 'hf_saved')
  assert.equal(tokenOf({ HF_TOKEN_PATH: file }), 'hf_saved')
  assert.equal(tokenOf({ HF_TOKEN_PATH: file, HF_TOKEN: 'hf_given' }), 'hf_given')
  assert.equal(tokenOf({}), undefined)
  assert.equal(tokenOf({ HF_HOME: folder, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }), undefined)
  assert.equal(tokenOf({ HF_HOME: folder, HF_ENDPOINT: 'http://mirror.example' }), undefined)
})

test('a worker that stops ends its download and keeps what has arrived', async (t) => {
  const folder = temporaryFolder(t)
  const file = randomFile(4 * MIB)
  const sendOnly = (start: number) => (start > 0 ? ({ bytes: 10, ending: 'hang' } as const) : null)
  const hub = await hubWith(t, file, { sendOnly })
  const stop = new AbortController()
  const onProgress = ({ bytes }: FetchProgress) => {
    if (bytes >= MIB) stop.abort(new Error('stopping'))
  }
  await assert.rejects(fetchFrom(hub.hub, folder, { onProgress, signal: stop.signal }), /stopping/)
  const list = join(folder, 'user', 'tiny-GGUF', 'tiny-q8_0.gguf.part.json')
  await until(() => arrivedPart(list) === 0.25)
})

test('a process that downloads may die, and nothing else does', async (t) => {
  const folder = temporaryFolder(t)
  const sendOnly = () => ({ bytes: 10, ending: 'hang' }) as const
  const hub = await hubWith(t, randomFile(2 * MIB), { sendOnly })
  const fetching = fetchFrom(hub.hub, folder)
  const died = assert.rejects(fetching, (error: HaifError) => {
    assert.match(error.message, /its process ended \(SIGKILL.*; it is tried again/)
    return error.retryAfterMs! > 0
  })
  await until(() => hub.rangeBytes > 0)
  for (const pid of childrenRunning('download-child.ts')) process.kill(pid, 'SIGKILL')
  await died
})

function childrenRunning(name: string): number[] {
  const lines = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], {
    encoding: 'utf8'
  })
  return lines.split('\n').flatMap((line) => (line.includes(name) ? [parseInt(line, 10)] : []))
}
