/** Test files that share a process: none is lost, none runs twice, none disturbs the next. */
import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import process from 'node:process'
import { executionAsyncId } from 'node:async_hooks'
import { execFile } from 'node:child_process'
import { mock, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { patience } from './helpers/deadline.ts'
import { groupsOf } from './helpers/run/groups.ts'
import { watchLeftBehind } from './helpers/run/left-behind.ts'

test('every test file is in one group, and by far the most share a process', () => {
  const files = globSync('test/**/*.test.ts').toSorted()
  const groups = groupsOf(files)
  assert.deepEqual(groups.flatMap((group) => group.files).toSorted(), files)
  assert.equal(new Set(groups.map(({ name }) => name)).size, groups.length)
  assert.ok(groups.length < files.length / 2)
})

test('a file that leaves a setting, a mock or a server behind fails; one that cleans up does not', async () => {
  const server = createServer()
  const assertNothingLeft = watchLeftBehind({ closeMsMax: 50 })

  process.env['HAIF_LEFT_BEHIND'] = '1'
  await assert.rejects(assertNothingLeft(), /the environment is changed/)
  delete process.env['HAIF_LEFT_BEHIND']

  mock.timers.enable({ apis: ['setInterval'] })
  await assert.rejects(assertNothingLeft(), /still mocked/)
  mock.timers.reset()

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  await assert.rejects(assertNothingLeft(), /1 more open than before/)
  server.close()
  await assertNothingLeft()
})

test('a test is known by its context, and no hook sees each promise come and go', async () => {
  let inner: TestContext | null = null
  const run = (t: TestContext) => {
    inner = t
  }
  await sleep(1)
  await test('inner', run)
  assert.match(inner!.fullName, /^a test is known by its context.* > inner$/)
  await Promise.resolve()
  const id = executionAsyncId()
  await Promise.resolve()
  assert.equal(executionAsyncId(), id) // with hooks each has its own
})

test('what is thrown beside a test is the fault of that test', async () => {
  const program = `import { test } from 'node:test'
    const later = (act) => () => new Promise((resolve) => setTimeout(() => (resolve(), act()), 1))
    const boom = () => { throw new Error('boom') }
    test('fine', later(() => {}))
    test('throws', () => { setTimeout(boom, 1); return new Promise((end) => setTimeout(end, 50)) })
    test('rejects', () => { void Promise.reject(new Error('boom')); return later(() => {})() })`
  const args = ['--import', './test/helpers/fixed-seed.ts', '--test-reporter=tap']
  const { NODE_TEST_CONTEXT: _ours, ...env } = process.env
  const { promise, resolve } = Promise.withResolvers<string>()
  const options = { env, timeout: patience(30_000) }
  execFile(
    process.execPath,
    [...args, '--input-type=module', '--eval', program],
    options,
    (_error, stdout) => resolve(stdout)
  )
  const results = (await promise).match(/^(not )?ok .*$/gm)
  assert.deepEqual(results, ['ok 1 - fine', 'not ok 2 - throws', 'not ok 3 - rejects'])
})
