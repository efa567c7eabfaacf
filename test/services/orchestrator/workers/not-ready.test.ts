/** Why nothing would be answered: in the words of each worker. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { whyNoneReady } from '../../../../services/orchestrator/workers/not-ready.ts'
import { ask, longContext, modelReport, startDispatcher } from './table.ts'

test('a mesh that is not ready gives the reason of each worker, and a request gets its own', async (t) => {
  const { table, dispatcher, report } = startDispatcher()
  assert.equal(whyNoneReady(table), 'no worker is up')
  report('empty', [])
  assert.equal(whyNoneReady(table), 'no worker has a model')
  const changed = 'the file has changed since it was loaded: restart the worker'
  const hangs = 'the process that runs the model hangs (it has not answered for 4 s)'
  const full = 'the disk of this machine has no more room: make room there'
  report('a', [modelReport({ state: 'failed', error: changed })])
  report('b', [modelReport({ state: 'loading', notice: hangs })])
  report('c', [
    modelReport({ name: 'n', state: 'loading', phase: 'downloading', progress: 0.409 }),
    modelReport({ name: 'o', state: 'failed', error: full })
  ])
  assert.equal(
    whyNoneReady(table),
    `no worker has a model ready: m: ${changed}; m: ${hangs}; ` +
      `n: it is being downloaded (40 %); o: ${full}`
  )
  await assert.rejects(dispatcher.acquire({ ...ask(), model: 'o' }, longContext(t)), {
    code: 'NO_ELIGIBLE_WORKER',
    message: `o: ${full}`
  })
  for (let i = 0; i < 50; i++) {
    report(`w${i}`, [modelReport({ state: 'failed', error: `${i} ${'x'.repeat(900)}` })])
  }
  assert.ok(whyNoneReady(table).length <= 1024)
})
