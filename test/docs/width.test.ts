/** Documents are read in editors and terminals too: no line of them is wider than 120 columns. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

const COLUMNS_MAX = 120
/** Pages, and parts of pages, that a program writes between two such comments or below one. */
const GENERATED = /<!-- Generated [\s\S]*|<!-- (bench[\w:-]+) -->[\s\S]*?<!-- \/\1 -->/g

const root = resolve(import.meta.dirname, '../..')
const pages = globSync('{*.md,docs/**/*.md,examples/*.md}', {
  cwd: root
})

test(`no line of a document is wider than ${COLUMNS_MAX} columns`, () => {
  const wide = pages.flatMap((page) =>
    readFileSync(join(root, page), 'utf8')
      .replace(GENERATED, '')
      .split('\n')
      .filter((line) => line.length > COLUMNS_MAX)
      .map((line) => `${page}: ${line}`)
  )
  assert.deepEqual(wide, [])
})
