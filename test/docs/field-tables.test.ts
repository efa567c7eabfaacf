import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { PAGES, withFields } from '../../docs/generate/field-tables.ts'

test('pages list every field as the tables have it (npm run docs)', () => {
  for (const { page, lists } of PAGES) {
    const text = readFileSync(page, 'utf8')
    assert.equal(text, withFields(text, lists), page.pathname)
  }
})
