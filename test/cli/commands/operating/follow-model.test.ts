/** How far a model is that a worker was told to bring. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelAction, ModelView } from '#shared/contracts/http/admin/models.ts'
import { stageOf } from '../../../../cli/commands/operating/follow-model.ts'

const stage = (holder: object, action: ModelAction = 'load') => {
  const other = { worker: 'other', state: 'ready' }
  const view = { name: 'm', workers: [other, { worker: 'w', ...holder }] }
  return stageOf({ action, model: 'm', worker: 'w' }, [view as unknown as ModelView])
}

test('what is shown follows the worker’s own reports, until it is there', () => {
  const download = { bytes: 5e8, totalBytes: 1e9, bytesPerSecond: 1e8 }
  assert.deepEqual(stage({ state: 'loading', phase: 'downloading', download }), {
    text: '0.5 of 1.0 GB, 100 MB/s, 5 s left',
    isDone: false
  })
  const waits = stage({ state: 'loading', phase: 'waitingForMemory', progress: 0 })
  assert.equal(waits.text, 'waiting for memory')
  assert.equal(stage({ state: 'loading', progress: 0.5 }).text, 'loading 50 %')
  assert.equal(stage({ state: 'ready' }).isDone, true)
  assert.deepEqual(stageOf({ action: 'load', model: 'm', worker: 'w' }, []).isDone, false)
})

test('a fetch is done when the file is there, a load only when it is in memory', () => {
  assert.equal(stage({ state: 'loadable' }, 'fetch').isDone, true)
  assert.equal(stage({ state: 'loadable' }, 'load').isDone, false)
})

test('a failure ends the command with the worker’s reason', () => {
  assert.throws(() => stage({ state: 'failed', error: 'no room' }), {
    code: 'MODEL_LOAD_FAILED',
    message: 'm: no room'
  })
})
