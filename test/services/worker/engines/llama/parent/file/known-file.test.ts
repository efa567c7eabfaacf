/** The identity of a model, also of one that is split into files, and what changes it. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { KnownFile } from '../../../../../../../services/worker/engines/llama/parent/file/known-file.ts'
import { writeRandomModel } from '../../../../../../../tools/haif-tiny/gguf/random-model.ts'
import { until } from '../../../../../../helpers/until.ts'

/** Two files named as the parts of a model are. */
function split(t: TestContext): [string, string] {
  const folder = mkdtempSync(join(tmpdir(), 'haif-split-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const [first, second] = [1, 2].map((part) => join(folder, `big-0000${part}-of-00002.gguf`))
  for (const [seed, path] of [first, second].entries()) writeRandomModel(path!, { seed: seed + 1 })
  return [first!, second!]
}

test('a split model is all of its files', async (t) => {
  const [first, second] = split(t)
  const before = await new KnownFile(first).identify()
  writeRandomModel(second, { seed: 9 })
  const after = await new KnownFile(first).identify()
  assert.equal(after.sizeBytes, before.sizeBytes)
  assert.notEqual(after.digest, before.digest)
})

test('a part that is cut or not there is named', async (t) => {
  const [first, second] = split(t)
  const message = () => new KnownFile(first).identify().then(String, String)
  truncateSync(second, 5000)
  assert.match(await message(), /big-00002.*it is damaged: .*download it again \(it is part 2 of 2/)
  unlinkSync(second)
  assert.match(await message(), new RegExp(`${basename(second)}: there is no such file`))
})

test('a change of any part is noticed once', async (t) => {
  const [first, second] = split(t)
  const file = new KnownFile(first)
  await file.identify()
  const told: string[] = []
  using _ = file.watch(({ message }) => told.push(message))
  writeRandomModel(second, { seed: 9 })
  await until(() => told.length > 0)
  writeFileSync(second, '')
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(told.length, 1)
  assert.match(told[0]!, /has changed since it was loaded; it is loaded anew/)
})

const CHANGES: Record<string, [change: (path: string) => void, says: RegExp]> = {
  cut: [(path) => truncateSync(path, 5000), /the file has changed since it was loaded/],
  emptied: [(path) => truncateSync(path, 0), /the file has changed since it was loaded/],
  replaced: [
    (path) => {
      copyFileSync(path, `${path}.new`)
      renameSync(`${path}.new`, path)
    },
    /another file has taken its place since it was loaded/
  ]
}

for (const [how, [change, says]] of Object.entries(CHANGES)) {
  test(`a file that is ${how} is noticed, with the reason`, async (t) => {
    const [first] = split(t)
    const file = new KnownFile(first)
    await file.identify()
    const { promise, resolve } = Promise.withResolvers<string>()
    using _ = file.watch(({ message }) => resolve(message))
    change(first)
    assert.match(await promise, says)
  })
}

test('one with another time of access, other rights or another link is the same', async (t) => {
  const [first] = split(t)
  const modified = new Date(1e12)
  utimesSync(first, modified, modified)
  const file = new KnownFile(first)
  await file.identify()
  const told: string[] = []
  using _ = file.watch(({ message }) => told.push(message))
  chmodSync(first, 0o400)
  linkSync(first, `${first}.link`)
  utimesSync(first, new Date(0), modified)
  await file.assertSame()
  await new Promise((resolve) => setTimeout(resolve, 1_200)) // a look each second
  assert.deepEqual(told, [])
})

test('a file that is not what was recorded is refused before anything parses it', async (t) => {
  const [first, second] = split(t)
  const recorded = ['a', 'b'].map((text) => createHash('sha256').update(text).digest('hex'))
  const file = new KnownFile(first, { recorded })
  writeFileSync(first, 'a')
  writeFileSync(second, 'x')
  await assert.rejects(file.identify(), /big-00001.*it is not a GGUF file/)
  writeFileSync(first, 'x')
  await assert.rejects(file.identify(), /big-00001.*no longer what was downloaded/)
})
