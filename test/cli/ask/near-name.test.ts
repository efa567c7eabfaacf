/** Names that are probably meant for another. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNear } from '../../../cli/ask/near-name.ts'

test('names are near but for case, signs, and an end that one of them lacks', () => {
  assert.ok(isNear('acme', 'Acme_Corp'))
  assert.ok(isNear('ops-team', 'OpsTeam'))
  assert.ok(!isNear('acme', 'apex'))
  assert.ok(!isNear('---', 'acme'), 'signs alone are near to nothing')
})
