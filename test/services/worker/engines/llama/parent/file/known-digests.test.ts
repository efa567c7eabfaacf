import assert from 'node:assert/strict'
import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { KnownDigests } from '../../../../../../../services/worker/engines/llama/parent/file/known-digests.ts'
import { tempDir } from '../../engines.ts'

const DIGEST = 'a'.repeat(64)
const statsOf = (path: string) => statSync(path, { bigint: true })

test('a file is hashed once while it stays the same, whoever asks', async (t) => {
  const dir = await tempDir(t)
  const [file, model] = [join(dir, 'digests.json'), join(dir, 'm.gguf')]
  writeFileSync(model, 'one')
  utimesSync(model, 1000, 1000)
  const digests = new KnownDigests(file)
  assert.equal(digests.find(model, statsOf(model)), null)
  digests.keep(model, statsOf(model), DIGEST)
  assert.equal(new KnownDigests(file).find(model, statsOf(model)), DIGEST)
  writeFileSync(model, 'two')
  utimesSync(model, 1000, 1000)
  assert.equal(digests.find(model, statsOf(model)), null, 'changed, with the old time set again')
})

test('a file that was changed just now is not trusted to stay', async (t) => {
  const dir = await tempDir(t)
  const [file, model] = [join(dir, 'digests.json'), join(dir, 'm.gguf')]
  writeFileSync(model, 'one')
  new KnownDigests(file).keep(model, statsOf(model), DIGEST)
  assert.equal(new KnownDigests(file).find(model, statsOf(model)), null)
})

test('of many files the oldest is forgotten; what is no record is none', async (t) => {
  const dir = await tempDir(t)
  const [file, model] = [join(dir, 'digests.json'), join(dir, 'm.gguf')]
  writeFileSync(model, 'one')
  const digests = new KnownDigests(file, { now: () => Infinity, entriesMax: 3 })
  for (let i = 0; i <= 3; i++) digests.keep(`/m/${i}`, statsOf(model), DIGEST)
  assert.equal(digests.find('/m/0', statsOf(model)), null)
  assert.equal(digests.find('/m/3', statsOf(model)), DIGEST)
  assert.equal(Object.keys(JSON.parse(readFileSync(file, 'utf8'))).length, 3)
  writeFileSync(file, '{"/m/1": 7}')
  assert.equal(digests.find('/m/1', statsOf(model)), null)
})
