/** Names that are probably meant for another. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNear, nearName } from '#shared/kit/near-name.ts'

test('names are near but for case, signs, an end that one lacks, and a slip or two', () => {
  assert.ok(isNear('acme', 'Acme_Corp'))
  assert.ok(isNear('ops-team', 'OpsTeam'))
  assert.ok(isNear('haif-tiny', 'haif-tin'))
  assert.ok(isNear('acme', 'amce'), 'two that are swapped are one slip')
  assert.ok(isNear('qwen3-4b', 'qwen3-4n'))
  assert.ok(isNear('research-team', 'reseach-taem'))
  assert.ok(!isNear('acme', 'apex'))
  assert.ok(!isNear('acme', 'acts'), 'a short name has one slip')
  assert.ok(!isNear('abc', 'abd'), 'and a very short one none')
  assert.ok(!isNear('---', 'acme'), 'signs alone are near to nothing')
})

test('a name is not near to itself, and the first that is near is meant', () => {
  assert.equal(nearName('acme', ['acme']), undefined)
  assert.equal(nearName('acmee', ['other', 'acme', 'acmes']), 'acme')
})
