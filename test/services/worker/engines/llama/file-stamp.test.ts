import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { overwritten, stampOf } from '../../../../../services/worker/engines/llama/file-stamp.ts'

const folder = mkdtempSync(join(tmpdir(), 'haif-stamp-'))
after(() => rmSync(folder, { recursive: true }))

const PAST_S = 1_700_000_000

/** Two files of a model, and the stamps that they have before something happens to one. */
function twoFiles() {
  const paths = ['a', 'b'].map((name) => join(folder, name))
  for (const path of paths) {
    writeFileSync(path, 'weights')
    utimesSync(path, PAST_S, PAST_S)
  }
  const files = paths.map((path) => ({ path, stamp: stampOf(statSync(path, { bigint: true })) }))
  return { files, path: paths[1]! }
}

const HAPPENS: [what: string, happens: (path: string) => void, isOverwritten: boolean][] = [
  ['nothing', () => {}, false],
  ['other bytes of the same length', (path) => writeFileSync(path, 'WEIGHTS'), true],
  ['more bytes', (path) => appendFileSync(path, '!'), true],
  ['no bytes any more', (path) => truncateSync(path), true],
  ['its end', (path) => unlinkSync(path), false],
  [
    'another file in its place',
    (path) => {
      copyFileSync(path, `${path}.new`)
      renameSync(`${path}.new`, path)
    },
    false
  ]
]
for (const [what, happens, isOverwritten] of HAPPENS) {
  test(`${what}: ${isOverwritten ? 'overwritten' : 'what is open is as it was'}`, () => {
    const { files, path } = twoFiles()
    happens(path)
    assert.equal(overwritten(files), isOverwritten ? path : null)
  })
}
