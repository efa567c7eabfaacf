/** The invariants of services/registry/objects/SPEC.md, over a real database. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Objects } from '../../../../services/registry/objects/objects.ts'
import { chooseObject, parseRef } from '../../../../services/registry/objects/resolve-name.ts'
import { rightsIn } from '../../../../services/registry/objects/rights.ts'
import { python, sealed } from '../../../helpers/functions/bundles.ts'
import { Shared } from '../../../helpers/peers/peers.ts'
import { until } from '../../../helpers/until.ts'
import { startEmbeddedStore } from '../../../helpers/stores/embedded-store.ts'

const shared = new Shared()
after(() => shared.end())
const opened = shared.once(startEmbeddedStore)
const started = shared.once(async () => new Objects((await opened()).store))

const wish = (name: string, source: string, more: { library?: string } = {}) => {
  const { text, seal } = sealed(python(source))
  return { name, bundle: text, seal, ...more }
}

test('O1, O2, O3: the same again is the same version, and each version stays', async () => {
  const objects = await started()
  const first = await objects.publish('a', 'me', wish('f', 'def run(): return 1'))
  assert.deepEqual([first.isNew, first.object.version.number], [true, 1])
  const [again, other] = await Promise.all([
    objects.publish('a', 'me', wish('f', 'def run(): return 2')),
    objects.publish('a', 'me', wish('f', 'def run(): return 2'))
  ])
  assert.equal([again, other].filter(({ isNew }) => isNew).length, 1)
  assert.equal(again.object.version.number, 2)
  const back = await objects.publish('a', 'me', wish('f', 'def run(): return 1'))
  assert.deepEqual([back.isNew, back.object.version.number], [false, 1])
  const latest = await objects.resolve('a', 'f')
  assert.equal(latest.subject.version, 2)
  const { sha256 } = first.object.version
  for (const ref of ['f@1', `a/main/f@${sha256.slice(0, 12)}`]) {
    assert.equal((await objects.resolve('a', ref)).subject.sha256, sha256)
  }
  await assert.rejects(objects.resolve('a', 'f@3'), { code: 'NOT_FOUND' })
})

test('O4: a name means an own object first, then exactly one of somebody else', async () => {
  const objects = await started()
  const everybody = { to: '*', scopes: ['execute' as const] }
  for (const owner of ['x', 'y']) {
    await objects.publish(
      owner,
      'me',
      wish('same', `def run(): return "${owner}"`, { library: 'l' })
    )
  }
  await objects.setGrant('x', { library: 'l', ...everybody })
  assert.equal((await objects.resolve('z', 'same')).subject.owner, 'x')
  assert.equal((await objects.resolve('y', 'same')).subject.owner, 'y')
  await objects.setGrant('y', { library: 'l', ...everybody })
  await assert.rejects(objects.resolve('z', 'same'), (error: Error) => {
    assert.equal((error as { code?: string }).code, 'CONFLICT')
    assert.match(error.message, /x\/l\/same, y\/l\/same/)
    return true
  })
  assert.equal((await objects.resolve('z', 'y/l/same')).subject.owner, 'y')
})

test('O5: a grant opens what it names, and a withdrawn one nothing', async () => {
  const objects = await started()
  await objects.publish('own', 'me', wish('secret', 'def run(): return 1', { library: 'risk' }))
  const ref = 'own/risk/secret'
  const unknown = { code: 'NOT_FOUND' }
  await assert.rejects(objects.describe('guest', ref, false), unknown)
  await objects.setLibrary('own', { library: 'risk', visibility: 'mesh' })
  assert.equal((await objects.describe('guest', ref, false)).source, undefined)
  assert.ok((await objects.list('guest', {})).some(({ name }) => name === 'secret'))
  await assert.rejects(objects.describe('guest', ref, true), { code: 'FORBIDDEN' })
  await assert.rejects(objects.resolve('guest', ref), { code: 'FORBIDDEN' })
  await objects.setGrant('own', { library: 'risk', to: 'guest', scopes: ['execute'] })
  assert.ok(await objects.resolve('guest', ref))
  await assert.rejects(objects.describe('guest', ref, true), { code: 'FORBIDDEN' })
  await objects.setGrant('own', { library: 'risk', to: 'guest', scopes: ['objects:read'] })
  assert.match((await objects.describe('guest', ref, true)).source ?? '', /return 1/)
  await assert.rejects(objects.resolve('guest', ref), { code: 'FORBIDDEN' })
  await objects.setGrant('own', { library: 'risk', to: 'guest', scopes: [] })
  await objects.setLibrary('own', { library: 'risk', visibility: 'private' })
  await assert.rejects(objects.describe('guest', ref, false), unknown)
  const grants = (tenant: string) =>
    objects.libraries(tenant).then((all) => all.find(({ library }) => library === 'risk')?.grants)
  assert.deepEqual(await grants('own'), [])
})

test('O6: what is not signed by its publisher, or is no bundle, is refused', async () => {
  const objects = await started()
  const good = wish('g', 'def run(): return 1')
  const refused = { code: 'VALIDATION_FAILED' }
  const changed = good.bundle.replace('return 1', 'return 3')
  await assert.rejects(objects.publish('a', 'me', { ...good, bundle: changed }), refused)
  for (const bundle of [
    'no json',
    '{}',
    { ...python('x'), module: 'none.py' },
    { ...python('x'), files: { 'main.py': '', '../up.py': '' } },
    { ...python('x'), files: { 'main.py': '', '/etc/x': '' } },
    { ...python('x'), dependencies: ['numpy>=1'] },
    { ...python('x'), dependencies: ['--index-url=http://x'] }
  ]) {
    const { text, seal } = sealed(bundle)
    await assert.rejects(objects.publish('a', 'me', { name: 'g', bundle: text, seal }), refused)
  }
})

test('what is named is parsed as it is written', () => {
  assert.deepEqual(parseRef('o.x/l/n@3'), { owner: 'o.x', library: 'l', name: 'n', version: '3' })
  assert.deepEqual(parseRef('n'), { name: 'n', version: 'latest' })
  const one = { owner: 'o', library: 'l', name: 'n' }
  assert.equal(chooseObject(parseRef('l/n'), 't', [one]), one)
  assert.throws(() => chooseObject(parseRef('m/n'), 't', [one]), { code: 'NOT_FOUND' })
})

test('whoever may run something may see it, and an owner may do all', () => {
  const library = {
    owner: 'o',
    visibility: 'private',
    grants: [{ grantee: 't', scopes: ['execute'] }]
  }
  assert.deepEqual([...rightsIn(library, 't')].toSorted(), ['execute', 'metadata:read'])
  assert.equal(rightsIn(library, 'o').size, 3)
  assert.equal(rightsIn(library, 'u').size, 0)
})

test('O5: a right that another registry withdraws is gone as soon as that is heard of', async () => {
  const [objects, other] = [await started(), new Objects((await opened()).store)]
  await objects.publish('lender', 'me', wish('lent', 'def run(): return 1'))
  const grant = (scopes: ['metadata:read', 'execute'] | []) =>
    objects.setGrant('lender', { library: 'main', to: 'guest', scopes })
  await grant(['metadata:read', 'execute'])
  const resolves = () =>
    other.resolve('guest', 'lent').then(
      () => true,
      () => false
    )
  await until(resolves)
  await resolves() // from what it remembers
  await grant([])
  await until(async () => !(await resolves()))
  await assert.rejects(objects.resolve('guest', 'lent'), { code: 'NOT_FOUND' }) // at once here
})
