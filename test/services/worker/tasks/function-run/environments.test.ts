/** Environments of functions: built once, whole or not there. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import type { FunctionBundle } from '#shared/contracts/functions/bundle.ts'
import {
  environmentKey,
  Environments
} from '../../../../../services/worker/tasks/function-run/environments.ts'
import {
  findRuntimes,
  runtimeFor
} from '../../../../../services/worker/tasks/function-run/runtimes.ts'
import { python } from '../../../../helpers/functions/bundles.ts'
import { wheel } from '../../../../helpers/functions/wheel.ts'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'haif-environments-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const { PATH = '' } = process.env
const runtimes = findRuntimes([])
const { signal } = new AbortController()
const nothing = () => {}

const withWheel = (): FunctionBundle =>
  python('import greet\ndef run(): return greet.WORD', {
    dependencies: ['greet==1.0'],
    files: {
      'wheels/greet-1.0-py3-none-any.whl': {
        base64: wheel('greet', '1.0', 'WORD = "hi"\n').toString('base64')
      }
    }
  })

test('pins, runtime and what is installed make the key', async () => {
  const [first] = await runtimes
  const bundle = withWheel()
  const key = environmentKey(bundle, first!)
  assert.equal(environmentKey({ ...bundle, entry: 'other' }, first!), key)
  assert.notEqual(environmentKey({ ...bundle, dependencies: ['greet==1.1'] }, first!), key)
  assert.notEqual(environmentKey(bundle, { ...first!, version: '3.99' }), key)
})

test('two who build the same at once build it once; a removed one is built again', async (t) => {
  const folder = folderOf(t)
  const bundle = withWheel()
  const runtime = runtimeFor(await runtimes, bundle)
  const notes: string[] = []
  const all = [0, 1].map(() => new Environments({ folder, env: { PATH } }))
  const ready = () =>
    Promise.all(all.map((each) => each.ready(bundle, runtime, (note) => notes.push(note), signal)))
  const [one, other] = await ready()
  assert.deepEqual(one, other)
  assert.equal(notes.length, 2)
  const [{ key } = { key: '' }] = all[0]!.list()
  assert.equal(key, environmentKey(bundle, runtime))
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('part-')),
    []
  )
  assert.equal(await all[0]!.remove(key), true)
  assert.equal(await all[0]!.remove(key), false)
  assert.equal(await all[0]!.remove('../..'), false)
  assert.deepEqual(all[0]!.list(), [])
})

test('a package that does not exist is said, and leaves nothing', async (t) => {
  const folder = folderOf(t)
  const bundle = withWheel()
  const missing = { ...bundle, dependencies: ['greet==2.0'] }
  const runtime = runtimeFor(await runtimes, bundle)
  const environments = new Environments({ folder, env: { PATH } })
  await assert.rejects(environments.ready(missing, runtime, nothing, signal), (error: Error) => {
    assert.equal((error as { code?: string }).code, 'ENVIRONMENT_FAILED')
    assert.match(error.message, /greet==2.0/)
    return true
  })
  assert.deepEqual(environments.list(), [])
})

test('a Python that is too old is none', async () => {
  const wanted = { runtime: 'python' as const, version: '3.99' }
  const all = await runtimes
  assert.throws(() => runtimeFor(all, wanted), { code: 'SANDBOX_UNAVAILABLE' })
})
