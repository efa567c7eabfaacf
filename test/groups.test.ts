/** Test files that share a process: none is lost, none runs twice, none disturbs the next. */
import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import process from 'node:process'
import { mock, test } from 'node:test'
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
