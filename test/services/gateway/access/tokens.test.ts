/** What a token is, what it allows, and what is read from the environment. */
import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { HaifError } from '#shared/errors.ts'
import {
  ANONYMOUS,
  assertMay,
  capabilitiesOf,
  chargedTenant,
  type Principal
} from '../../../../services/gateway/access/principal.ts'
import {
  readStaticTokens,
  shortTokens,
  staticPrincipals
} from '../../../../services/gateway/access/static-tokens.ts'
import {
  hashToken,
  isSame,
  mintToken,
  parseToken
} from '../../../../services/gateway/access/token-text.ts'

const newPepper = () => createSecretKey(randomBytes(32))
const pepper = newPepper()

const principal = (tenant: string, ...scopes: string[]): Principal => ({
  ...ANONYMOUS,
  tokenId: 't',
  tenant,
  scopes: capabilitiesOf(scopes)
})

test('a token carries its id, and its hash hangs on every character and on the pepper', () => {
  const minted = mintToken('user')
  assert.match(minted.text, /^haif_user_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/)
  assert.deepEqual(parseToken(minted.text), minted)
  const hash = hashToken(pepper, minted.text)
  assert.ok(isSame(hash, hashToken(pepper, minted.text)))
  const other = minted.text.slice(0, -1) + (minted.text.endsWith('A') ? 'B' : 'A')
  assert.ok(!isSame(hash, hashToken(pepper, other)))
  assert.ok(!isSame(hash, hashToken(newPepper(), minted.text)))
  for (const text of ['', 'sk-1', minted.text.slice(1), `${minted.text}A`]) {
    assert.equal(parseToken(text), null)
  }
})

test('static tokens are read as documented, also where a scope has a colon', () => {
  const tokens = readStaticTokens({
    HAIF_API_TOKENS: 'operator-token:operator|metrics,tenant-a-token:tenant:tenant-a'
  })
  assert.deepEqual(tokens, [
    { secret: 'operator-token', scopes: ['operator', 'metrics'] },
    { secret: 'tenant-a-token', scopes: ['tenant:tenant-a'] }
  ])
  assert.deepEqual(shortTokens(tokens), [1, 2], 'which the log warns of')
  const found = staticPrincipals(tokens, pepper)
  const tenantA = found.get(hashToken(pepper, 'tenant-a-token').toString('hex'))
  assert.equal(tenantA?.tenant, 'tenant-a')
  assert.deepEqual([...tenantA.scopes], ['infer', 'jobs', 'functions'])
  assert.equal(found.get(hashToken(pepper, 'tenant-b-token').toString('hex')), undefined)
})

test('a malformed static token stops the start, and its secret is not told', () => {
  const malformed = [
    's3cret',
    's3cret:',
    ':operator',
    's3cret:root',
    's3cret:infer,',
    ' ',
    's3cret:tenant:'
  ]
  for (const text of malformed) {
    assert.throws(
      () => readStaticTokens({ HAIF_API_TOKENS: text }),
      (error) =>
        error instanceof HaifError &&
        error.code === 'CONFIG_INVALID' &&
        error.message.startsWith('HAIF_API_TOKENS cannot be used') &&
        !error.message.includes('s3cret'),
      text
    )
  }
  assert.deepEqual(readStaticTokens({}), [])
})

test('a token may do what its scopes say; an operator everything', () => {
  assertMay(principal('a', 'infer'), 'infer')
  assertMay(principal('a', 'operator'), 'metrics')
  assertMay(principal('a', 'tenant:a'), 'jobs')
  assert.throws(() => assertMay(principal('a', 'infer'), 'operator'), { code: 'FORBIDDEN' })
  assert.throws(() => assertMay(principal('a', 'metrics'), 'infer'), { code: 'FORBIDDEN' })
  assert.throws(() => assertMay(ANONYMOUS, 'operator'), { code: 'UNAUTHENTICATED' })
})

test('nobody is charged but the tenant of the token', () => {
  assert.equal(chargedTenant(principal('a', 'infer'), undefined), 'a')
  assert.equal(chargedTenant(principal('a', 'infer'), 'a'), 'a')
  assert.throws(() => chargedTenant(principal('a', 'infer'), 'b'), { code: 'FORBIDDEN' })
  assert.equal(chargedTenant(principal('a', 'operator'), 'b'), 'b')
  const both = { ...principal('a', 'tenant:a', 'tenant:b'), otherTenants: new Set(['b']) }
  assert.equal(chargedTenant(both, 'b'), 'b')
  assert.throws(() => chargedTenant(both, 'c'), { code: 'FORBIDDEN' })
})
