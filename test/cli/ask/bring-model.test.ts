import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WorkerView } from '#shared/contracts/http/admin/workers.ts'
import { heldName, workerToBring } from '../../../cli/ask/bring-model.ts'
import { workerModel } from '../../services/registry/worker-model.ts'

const GB = 1e9

const worker = (id: string, freeGb: number, more: Partial<WorkerView> = {}): WorkerView => ({
  id,
  host: id,
  version: '1',
  state: 'ready',
  models: [],
  slots: 0,
  running: 0,
  waiting: 0,
  warnings: [],
  hardware: {
    cpu: { model: 'x', cores: 4 },
    ram: { totalBytes: 2 * freeGb * GB, freeBytes: freeGb * GB }
  },
  rttMs: 1,
  path: 'direct',
  ...more
})

test('a model is found by its name, and by where it comes from; one that failed is not there', () => {
  const source = 'hf:Qwen/Qwen3-4B-GGUF:Q4_K_M'
  const models = [workerModel('chat', 'loadable', { source }), workerModel('broken', 'failed')]
  const workers = [{ models }]
  assert.equal(heldName('chat', workers), 'chat')
  assert.equal(heldName('qwen3-4b', workers), 'chat')
  assert.equal(heldName('Qwen/Qwen3-4B-GGUF:Q4_K_M', workers), 'chat')
  assert.equal(heldName('broken', workers), undefined)
})

test('the worker with the most memory brings it, and figures say why none can', () => {
  const gpu = { backend: 'cuda', names: ['x'], totalBytes: 24 * GB, freeBytes: 20 * GB }
  const big = worker('big', 8)
  const withGpu = worker('gpu', 4, { hardware: { ...worker('x', 4).hardware!, gpu } })
  const away = worker('away', 99, { state: 'paused' })
  const proxy = worker('proxy', 99, { engines: [{ kind: 'openai', version: '1' }] })
  const all = [worker('small', 2), big, away, proxy]
  assert.equal(workerToBring('qwen3-4b', all).id, 'big')
  assert.equal(workerToBring('qwen3-4b', [...all, withGpu]).id, 'gpu')
  assert.equal(workerToBring('hf:me/mine', all).id, 'big', 'nobody knows what that needs')
  assert.throws(() => workerToBring('qwen3-32b', all), {
    code: 'NO_ELIGIBLE_WORKER',
    message:
      /qwen3-32b needs about 22\.4 GB of memory, and the most that a worker has free is 8\.0 GB/
  })
  assert.throws(() => workerToBring('qwen3-4b', [away, proxy]), { message: /haif invite/ })
})
