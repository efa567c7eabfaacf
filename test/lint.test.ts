/** `npm run lint`, beside the other tests: before them it would hold them up for a minute. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { patience } from './helpers/deadline.ts'

/** The type checker ends before it needs more, so collecting garbage would only cost it time. */
const GOMEMLIMIT = '3GiB'

test('format, rules and types are right', { timeout: patience(300_000) }, async (t) => {
  const lint = spawn('npm run --silent lint 2>&1', {
    shell: true,
    env: { GOGC: 'off', GOMEMLIMIT, ...process.env },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.after(() => lint.kill())
  const ended = once(lint, 'close')
  const said = await text(lint.stdout)
  assert.deepEqual(await ended, [0, null], said)
})
