/** A home that was copied or moved is noticed at its start, and one command settles it. */
import assert from 'node:assert/strict'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Home } from '#shared/main/home.ts'
import {
  checkMachine,
  keepIdentity,
  renewIdentity,
  thisMachine
} from '#shared/main/machine-mark.ts'
import { temporaryHome } from '../../helpers/cli.ts'

/** A machine by what its files say. */
function machine(t: TestContext, id: string, container = false) {
  const root = temporaryHome(t)
  mkdirSync(join(root, 'etc'))
  writeFileSync(join(root, 'etc', 'machine-id'), `${id}\n`)
  if (container) writeFileSync(join(root, '.dockerenv'), '')
  return (folder: string) => thisMachine(folder, root)
}

const workerKey = (home: string): string =>
  new Home({ HAIF_HOME: home }).key('worker').keyPair.publicKey.toString('hex')

test('a home that stays where it is, or moves on its machine, says nothing', (t) => {
  const one = machine(t, 'one')
  const home = join(temporaryHome(t), 'home')
  workerKey(home)
  assert.equal(checkMachine(home, one(home)), null)
  assert.equal(checkMachine(home, one(home)), null)
  const moved = `${home}-moved`
  t.after(() => rmSync(moved, { recursive: true, force: true }))
  renameSync(home, moved)
  assert.equal(checkMachine(moved, one(moved)), null)
  assert.equal(checkMachine(moved, one(moved)), null)
})

test('a copy on another machine, or in another folder, is told until its owner decides', (t) => {
  const [one, two] = [machine(t, 'one'), machine(t, 'two')]
  const home = temporaryHome(t)
  const key = workerKey(home)
  checkMachine(home, one(home))
  assert.match(checkMachine(home, two(home)) ?? '', /haif identity new.*haif identity keep/)
  const copy = join(temporaryHome(t), 'copy')
  cpSync(home, copy, { recursive: true })
  assert.match(checkMachine(copy, one(copy)) ?? '', /was made on .*haif identity new/)
  const old = renewIdentity(copy, one(copy), 0)
  assert.equal(checkMachine(copy, one(copy)), null)
  assert.deepEqual(readdirSync(old), ['worker.key'])
  assert.ok(!existsSync(join(copy, 'keys', 'worker.key')))
  const elsewhere = join(temporaryHome(t), 'other')
  cpSync(copy, elsewhere, { recursive: true })
  assert.notEqual(workerKey(elsewhere), key)
  keepIdentity(home, two(home))
  assert.equal(checkMachine(home, two(home)), null)
})

test('a container is no machine, and a mesh is not given new keys by halves', (t) => {
  const home = temporaryHome(t)
  workerKey(home)
  const container = machine(t, 'image', true)
  assert.equal(container(home), null)
  checkMachine(home, machine(t, 'one')(home))
  assert.equal(checkMachine(home, container(home)), null)
  mkdirSync(join(home, 'mesh'), { recursive: true })
  writeFileSync(join(home, 'mesh', 'root.key'), 'x')
  assert.throws(() => renewIdentity(home, null, 0), { code: 'CONFIG_INVALID', message: /root key/ })
})
