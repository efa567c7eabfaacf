/** Artifacts on the disk of a worker. */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ArtifactStore } from '../../../../services/worker/artifacts/artifact-store.ts'

const DAY_MS = 86_400_000

function makeStore(bytesMax = 1000, now = Date.now) {
  const folder = join(mkdtempSync(join(tmpdir(), 'haif-artifacts-')), 'artifacts')
  return { folder, store: new ArtifactStore({ folder, bytesMax, keepMs: DAY_MS, now }) }
}

async function* chunks(...parts: string[]) {
  for (const part of parts) yield Buffer.from(part)
}

async function textOf(bytes: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of bytes) parts.push(part)
  return Buffer.concat(parts).toString()
}

test('bytes are kept once under their SHA-256, and read whole or in part', async () => {
  const { store, folder } = makeStore()
  const kept = await store.keep(chunks('hello ', 'world'))
  assert.deepEqual(kept, { sha256: hash('sha256', 'hello world'), bytes: 11 })
  await store.keep(chunks('hello world'))
  assert.deepEqual([readdirSync(folder), store.usedBytes], [[kept.sha256], 11])
  assert.equal(await textOf(store.read(kept.sha256)), 'hello world')
  assert.equal(await textOf(store.read(kept.sha256, 6, 9)), 'wor')
  assert.equal(await textOf(store.read(kept.sha256, 40, 50)), '')
  await store.drop(kept.sha256)
  assert.deepEqual([readdirSync(folder), store.usedBytes], [[], 0])
})

test('what is too much is refused, and nothing of it stays', async () => {
  const { store, folder } = makeStore(10)
  await assert.rejects(store.keep(chunks('123456', '789012')), { code: 'ARTIFACT_QUOTA' })
  const broken = async function* () {
    yield Buffer.from('x')
    throw new Error('the source broke')
  }
  await assert.rejects(store.keep(broken()), /the source broke/)
  assert.deepEqual(readdirSync(folder), [])
  await store.keep(chunks('1234567890'))
  await assert.rejects(store.keep(chunks('x')), { code: 'ARTIFACT_QUOTA' })
})

test('bytes that a disk has changed are not given to anybody', async () => {
  const { store, folder } = makeStore()
  const { sha256 } = await store.keep(chunks('precious'))
  writeFileSync(join(folder, sha256), 'precioux')
  await assert.rejects(textOf(store.read(sha256, 0, 2)), { code: 'ARTIFACT_UNAVAILABLE' })
  await assert.rejects(textOf(store.read(sha256)), { code: 'NOT_FOUND' })
})

test('a name that is no SHA-256 leads nowhere', async () => {
  const { store } = makeStore()
  for (const name of ['../../etc/passwd', '', 'x', `${'a'.repeat(64)}/..`]) {
    assert.equal(await store.has(name), null)
    await assert.rejects(textOf(store.read(name)), { code: 'NOT_FOUND' })
    await store.drop(name)
  }
})

test('what nobody reads goes, and so does what a killed worker was writing', async () => {
  const { store, folder } = makeStore()
  const { sha256: old } = await store.keep(chunks('old'))
  const { sha256: read } = await store.keep(chunks('read'))
  writeFileSync(join(folder, 'part-of-a-killed-worker'), 'half')
  const before = Date.now() / 1000 - 2 * 86_400
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), before, before)
  await textOf(store.read(read))
  store.sweep()
  assert.deepEqual(readdirSync(folder), [read])
  assert.equal(await store.has(old), null)
})

test('what other workers keep in the same folder is counted within the hour', async () => {
  let now = Date.now()
  const { store, folder } = makeStore(10, () => now)
  await store.keep(chunks('one'))
  writeFileSync(join(folder, 'f'.repeat(64)), '1234567')
  assert.equal(store.usedBytes, 3)
  now += 3_600_001
  await assert.rejects(store.keep(chunks('x')), { code: 'ARTIFACT_QUOTA' })
})
