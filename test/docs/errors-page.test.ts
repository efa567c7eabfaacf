import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ERRORS_PAGE, errorsPage } from '../../docs/errors-page.ts'

test('docs/errors.md says what shared/errors.ts says (npm run docs)', () => {
  assert.equal(readFileSync(ERRORS_PAGE, 'utf8'), errorsPage())
})
