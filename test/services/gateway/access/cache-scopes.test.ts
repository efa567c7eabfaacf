/** Whose prompts may share a cache (F15). */
import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import { CacheScopes, readCacheGroups } from '../../../../services/gateway/access/cache-scopes.ts'

const key = createSecretKey(Buffer.alloc(32, 1))

test('each tenant has a scope of its own, the same at every gateway, which does not name it', () => {
  const [one, other] = [new CacheScopes(key, []), new CacheScopes(key, [])]
  assert.match(one.of('acme'), /^[0-9a-f]{32}$/)
  assert.equal(one.of('acme'), other.of('acme'))
  assert.notEqual(one.of('acme'), one.of('other'))
  const another = new CacheScopes(createSecretKey(Buffer.alloc(32, 2)), [])
  assert.notEqual(one.of('acme'), another.of('acme'), 'nobody can compute it without the key')
})

test('a group shares, and * is everybody else', () => {
  const scopes = new CacheScopes(key, readCacheGroups({ CACHE_GROUPS: 'acme|acme-dev, lab' }))
  assert.equal(scopes.of('acme'), scopes.of('acme-dev'))
  assert.notEqual(scopes.of('acme'), scopes.of('lab'))
  const all = new CacheScopes(key, readCacheGroups({ CACHE_GROUPS: '*' }))
  assert.equal(all.of('acme'), all.of('lab'))
  assert.throws(() => readCacheGroups({ CACHE_GROUPS: 'a b' }), { code: 'CONFIG_INVALID' })
})
