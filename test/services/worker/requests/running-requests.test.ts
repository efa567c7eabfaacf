import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RunningRequests } from '../../../../services/worker/requests/running-requests.ts'

test('whoever asks a worker to drain that drains already waits for the same end', async () => {
  const running = new RunningRequests()
  const request = running.enter({ abort: () => {} })
  const drains = [running.drain(60_000), running.drain(60_000)]
  assert.throws(() => running.enter({ abort: () => {} }), { code: 'SHUTTING_DOWN' })
  request[Symbol.dispose]()
  await Promise.all(drains)
  await running.drain(0)
})
