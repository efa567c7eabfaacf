import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { KnownSpeeds } from '../../../../../../services/worker/engines/llama/parent/known-speeds.ts'
import { tempDir } from '../engines.ts'

const [FILE, OTHER] = ['a'.repeat(64), 'b'.repeat(64)]
const measured = {
  threads: { one: 1, many: 2 },
  steps: [
    [1, 4.8],
    [16, 21.5]
  ] as [number, number][],
  prefill: 1_300
}

test('what was measured is known to the same machine and version, for the same file', async (t) => {
  const file = join(await tempDir(t), 'speeds.json')
  new KnownSpeeds(file, 'this').keep(FILE, measured)
  assert.deepEqual(new KnownSpeeds(file, 'this').find(FILE), measured)
  assert.equal(new KnownSpeeds(file, 'this').find(OTHER), undefined)
  assert.equal(new KnownSpeeds(file, 'another').find(FILE), undefined)
})

test('a record that says what cannot be is none', async (t) => {
  const file = join(await tempDir(t), 'speeds.json')
  const speeds = new KnownSpeeds(file, 'this')
  speeds.keep(FILE, measured)
  writeFileSync(file, readFileSync(file, 'utf8').replace('1300', '-1'))
  assert.equal(speeds.find(FILE), undefined)
  speeds.keep(FILE, measured)
  assert.deepEqual(speeds.find(FILE), measured)
})
