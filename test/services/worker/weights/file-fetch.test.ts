/** Bringing a file from several sources that fail, lie and end. */
import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { FileFetch, WrongManifest } from '../../../../services/worker/weights/file-fetch.ts'
import { manifestOf, MB, ScriptedSource, sha256, temporaryFolder, weightsOf } from './seeds.ts'

const BYTES = weightsOf(6)
const FILE = { sha256: sha256(BYTES), bytes: BYTES.length }

async function fetching(t: TestContext, sources: ScriptedSource[]) {
  const path = join(await temporaryFolder(t), 'model.gguf')
  const faults: string[] = []
  const stop = new AbortController()
  const start = (from = sources, onBytes: (bytes: number) => void = () => {}) =>
    new FileFetch({
      file: FILE,
      path,
      sources: from,
      onBytes,
      onFault: (source, reason, lied = false) =>
        faults.push(`${source.name}${lied ? ' lied' : ''}: ${reason}`),
      signal: stop.signal
    }).run()
  return { path, faults, stop, start }
}

test('several sources bring one file, each chunk once', async (t) => {
  const sources = ['a', 'b', 'c'].map((name) => new ScriptedSource(name, BYTES))
  const { path, faults, start } = await fetching(t, sources)
  assert.deepEqual(await start(), manifestOf(BYTES))
  assert.deepEqual(await readFile(path), BYTES)
  assert.deepEqual(faults, [])
  const asked = new Set(sources.flatMap((source) => source.asked))
  assert.deepEqual(
    [...asked].toSorted((x, y) => x - y),
    [0, 1, 2, 3, 4, 5, 6]
  )
  await assert.rejects(stat(`${path}.part`))
})

test('a wrong chunk is refused, its source blamed, and it comes from elsewhere', async (t) => {
  const liar = new ScriptedSource('liar', BYTES, { spoil: (chunk) => chunk.fill(7, 0, 1) })
  const { path, faults, start } = await fetching(t, [liar, new ScriptedSource('a', BYTES)])
  await start()
  assert.deepEqual(await readFile(path), BYTES)
  assert.ok(faults.every((fault) => /^liar lied: it sent other bytes than chunk \d/.test(fault)))
  assert.ok(faults.length >= 1)
})

test('only liars bring nothing, and what was right is kept', async (t) => {
  const half = new ScriptedSource('half', BYTES, {
    spoil: (chunk) => (chunk.equals(BYTES.subarray(0, MB)) ? chunk : chunk.fill(0))
  })
  const { path, start } = await fetching(t, [half])
  await assert.rejects(start(), { code: 'DOWNLOAD_FAILED' })
  const a = new ScriptedSource('a', BYTES)
  await start([a])
  assert.deepEqual(await readFile(path), BYTES)
})

test('a fetch that ended goes on from there, after a look at what is on the disk', async (t) => {
  let given = 0
  const slow = new ScriptedSource('slow', BYTES, {
    spoil: (chunk, signal) => {
      if (++given <= 3) return chunk
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason))
      )
    }
  })
  const { path, stop, start } = await fetching(t, [slow])
  await assert.rejects(
    start([slow], (bytes) => {
      if (bytes >= 3 * MB) stop.abort(new Error('killed'))
    }),
    { message: 'killed' }
  )
  const part = await readFile(`${path}.part`)
  await writeFile(`${path}.part`, part.fill(9, 10, 11)) // a disk that forgot
  const a = new ScriptedSource('a', BYTES)
  const again = new FileFetch({
    file: FILE,
    path,
    sources: [a],
    onBytes: () => {},
    onFault: () => {},
    signal: new AbortController().signal
  })
  await again.run()
  assert.deepEqual(await readFile(path), BYTES)
  assert.deepEqual(
    a.asked.toSorted((x, y) => x - y),
    [0, 3, 4, 5, 6]
  ) // the damaged one, and what was missing
})

test('a source that hangs at the end does not hold up the others', async (t) => {
  const hangs = new ScriptedSource('hangs', BYTES, {
    spoil: (_, signal) =>
      new Promise((_done, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  })
  const { path, start } = await fetching(t, [hangs, new ScriptedSource('a', BYTES)])
  await start()
  assert.deepEqual(await readFile(path), BYTES)
})

test('a source with another file under that SHA-256 helps no further', async (t) => {
  const other = weightsOf(6)
  const manifest = { ...manifestOf(other), sha256: FILE.sha256 }
  const liar = new ScriptedSource('liar', other, { manifest })
  const { faults, start } = await fetching(t, [new ScriptedSource('a', BYTES), liar])
  await start()
  assert.deepEqual(faults, ['liar: it has another file under that SHA-256'])
})

test('a manifest of another file is found out in the end, and nothing of it stays', async (t) => {
  const other = weightsOf(6)
  const manifest = { ...manifestOf(other), sha256: FILE.sha256 }
  const liar = new ScriptedSource('liar', other, { manifest })
  const { path, faults, start } = await fetching(t, [liar])
  await assert.rejects(start(), WrongManifest)
  assert.deepEqual(faults, ['liar lied: its manifest is not that of the file'])
  await assert.rejects(stat(`${path}.part`))
  await start([new ScriptedSource('a', BYTES)])
  assert.deepEqual(await readFile(path), BYTES)
})

test('without any manifest nothing comes, and nobody waits for one', async (t) => {
  const hub = new ScriptedSource('hub', BYTES, { manifest: null })
  const { start } = await fetching(t, [hub])
  await assert.rejects(start(), { code: 'DOWNLOAD_FAILED' })
  assert.deepEqual(hub.asked, [])
})

test('a source without a manifest of its own brings what that of the others says', async (t) => {
  const hub = new ScriptedSource('hub', BYTES, { manifest: null })
  const a = new ScriptedSource('a', BYTES, {
    spoil: () => Promise.reject(new Error('it is gone'))
  })
  const { path, start } = await fetching(t, [hub, a])
  await start()
  assert.deepEqual(await readFile(path), BYTES)
})
