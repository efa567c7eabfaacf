/** Environments of functions: built once, whole or not there. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import type { FunctionBundle } from '#shared/contracts/functions/bundle.ts'
import { packagesKey } from '#shared/functions/packages-key.ts'
import {
  environmentKey,
  Environments
} from '../../../../../services/worker/tasks/function-run/environments.ts'
import {
  findRuntimes,
  namedPythons,
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
  assert.equal(environmentKey(Object.assign(withWheel(), { entry: 'other' }), first!), key)
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
  assert.equal(notes.filter((note) => /^builds its environment: 1 package$/.test(note)).length, 2)
  const [{ key, packages, dependencies, buildMs = 0 } = { key: '' }] = all[0]!.list()
  assert.equal(key, environmentKey(bundle, runtime))
  assert.equal(packages, packagesKey(bundle))
  assert.deepEqual(dependencies, ['greet==1.0'])
  assert.ok(buildMs > 0)
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('part-')),
    []
  )
  assert.equal(await all[0]!.remove(key), true)
  assert.equal(await all[0]!.remove(key), false)
  assert.equal(await all[0]!.remove('../..'), false)
  assert.deepEqual(all[0]!.list(), [])
})

/** As built, without an installer. */
function laid(
  folder: string,
  name: string,
  { bytes, daysAgo }: { bytes: number; daysAgo: number }
) {
  const key = hash('sha256', name)
  mkdirSync(join(folder, key))
  writeFileSync(join(folder, key, 'file'), Buffer.alloc(bytes))
  const at = Date.now() / 1000 - daysAgo * 86_400
  utimesSync(join(folder, key), at, at)
  return key
}

test('what nobody uses goes by age, then by size, and what may be in use stays', async (t) => {
  const folder = folderOf(t)
  const bounds = { bytesMax: 2500, keepMs: 30 * 86_400_000, busyMs: 3_600_000 }
  const environments = new Environments({ folder, env: {}, ...bounds })
  const old = laid(folder, 'old', { bytes: 10, daysAgo: 31 })
  const beyond = laid(folder, 'beyond', { bytes: 1000, daysAgo: 3 })
  const kept = [
    laid(folder, 'now', { bytes: 2000, daysAgo: 0 }),
    laid(folder, 'small', { bytes: 400, daysAgo: 5 })
  ]
  assert.deepEqual((await environments.prune()).toSorted(), [beyond, old].toSorted())
  assert.deepEqual(
    environments
      .list()
      .map(({ key }) => key)
      .toSorted(),
    kept.toSorted()
  )
  const tight = new Environments({ folder, env: {}, ...bounds, bytesMax: 1 })
  assert.deepEqual(await tight.prune(), [kept[1]], 'a run may still use the one of now')
})

test('pins that contradict each other are said by their names', async (t) => {
  const bundle = withWheel()
  const other = wheel('other', '1.0', '', ['greet==2.0']).toString('base64')
  const conflict = {
    ...bundle,
    dependencies: ['greet==1.0', 'other==1.0'],
    files: { ...bundle.files, 'wheels/other-1.0-py3-none-any.whl': { base64: other } }
  }
  const environments = new Environments({ folder: folderOf(t), env: { PATH } })
  const building = environments.ready(conflict, runtimeFor(await runtimes, bundle), nothing, signal)
  await assert.rejects(building, {
    code: 'ENVIRONMENT_FAILED',
    message: /other 1\.0 depends on greet==2\.0/
  })
})

/** Writes down what it is asked for; the real one is not needed to see that. */
function standInForUv(folder: string, ending: string): { uv: string; asked: () => string[] } {
  const uv = join(folder, 'uv')
  const log = join(folder, 'asked')
  writeFileSync(uv, `#!/bin/sh\necho "$@" >> ${log}\n${ending}\n`, { mode: 0o755 })
  return { uv, asked: () => readFileSync(log, 'utf8').trim().split('\n') }
}

test('with uv (a stand-in) it makes the environment, from wheels only, and its words are kept', async (t) => {
  const bundle = withWheel()
  const runtime = runtimeFor(await runtimes, bundle)
  const { uv, asked } = standInForUv(folderOf(t), 'exit 0')
  const folder = folderOf(t)
  const environments = new Environments({ folder, env: { PATH }, uv })
  await environments.ready(bundle, runtime, nothing, signal)
  const [venv = '', install = ''] = asked()
  assert.match(venv, new RegExp(`^venv --allow-existing --python ${runtime.path} `))
  assert.match(install, /^pip install --python .* --only-binary :all: .* --no-index greet==1\.0$/)
  const [{ key } = { key: '' }] = environments.list()
  const before = statSync(join(folder, key)).ino
  await environments.rebuild(key, await runtimes)
  assert.notEqual(statSync(join(folder, key)).ino, before, 'another folder is in its place')
  assert.equal(asked().length, 4)
  await assert.rejects(environments.rebuild('0'.repeat(64), [runtime]), { code: 'NOT_FOUND' })
  const failing = standInForUv(folderOf(t), 'echo no such version >&2; exit 2')
  const broken = new Environments({ folder: folderOf(t), env: { PATH }, uv: failing.uv })
  await assert.rejects(broken.ready(bundle, runtime, nothing, signal), {
    code: 'ENVIRONMENT_FAILED',
    message: /no such version/
  })
})

test('npm installs what the lockfile names, and runs no script of it', async (t) => {
  const folder = folderOf(t)
  const made = join(folder, 'package')
  mkdirSync(made)
  const about = { name: 'greet', version: '1.0.0', scripts: { install: `touch ${folder}/ran` } }
  writeFileSync(join(made, 'package.json'), JSON.stringify(about))
  writeFileSync(join(made, 'index.js'), 'module.exports = "hi"')
  execFileSync('tar', ['-czf', join(folder, 'greet.tgz'), '-C', folder, 'package'])
  const body = readFileSync(join(folder, 'greet.tgz'))
  const resolved = 'file:wheels/greet.tgz'
  const integrity = `sha512-${hash('sha512', body, 'base64')}`
  const pack = { name: 'f', version: '1.0.0', dependencies: { greet: resolved } }
  const packages = {
    '': pack,
    'node_modules/greet': { version: '1.0.0', resolved, integrity, hasInstallScript: true }
  }
  const lock = { name: 'f', version: '1.0.0', lockfileVersion: 3, requires: true, packages }
  const files = {
    'main.ts': 'import word from "greet"\nexport const run = (): string => word',
    'package.json': JSON.stringify(pack),
    'package-lock.json': JSON.stringify(lock),
    'wheels/greet.tgz': { base64: body.toString('base64') }
  }
  const bundle = { runtime: 'node' as const, dependencies: ['greet==1.0.0'], files }
  const environments = new Environments({ folder: join(folder, 'built'), env: { PATH } })
  const runtime = runtimeFor(await runtimes, bundle)
  const { mounts } = await environments.ready(bundle, runtime, nothing, signal)
  assert.equal(mounts[0]?.to, '/bundle/node_modules')
  assert.equal(
    readFileSync(join(mounts[0].from, 'greet/index.js'), 'utf8'),
    'module.exports = "hi"'
  )
  assert.equal(existsSync(join(folder, 'ran')), false)
})

test('a Python that is named comes first where it is new enough, and each version is its own', async (t) => {
  const folder = folderOf(t)
  const named = (version: string) => {
    const path = join(folder, `python${version}`)
    writeFileSync(path, `#!/bin/sh\nprintf '${version}\\n/opt/python\\n'\n`, { mode: 0o755 })
    return path
  }
  mkdirSync(join(folder, 'functions'))
  writeFileSync(join(folder, 'functions/pythons'), `${named('3.98')}\n${named('3.97')}\n`)
  const all = await findRuntimes(namedPythons(folder))
  const wanted = (version: string) => runtimeFor(all, { runtime: 'python', version })
  assert.equal(wanted('3.98').version, '3.98')
  assert.equal(wanted('3').version, '3.98')
  assert.deepEqual(wanted('3.98').needs, ['/opt/python'])
  const keys = ['3.98', '3.97'].map((version) => {
    const runtime = all.find((each) => each.version === version)!
    return environmentKey(withWheel(), runtime)
  })
  assert.notEqual(keys[0], keys[1])
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
