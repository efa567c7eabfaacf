/** Which model an order means. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerEntry, WorkerModel } from '#shared/contracts/peers/peers.ts'
import { wantedModel } from '../../../../services/gateway/operating/model-wanted.ts'

const worker = { models: [{ name: 'here' } as WorkerModel] }
const other = { models: [{ name: 'there', source: 'hf:u/r:Q4_0' }, { name: 'file' }] }
const mesh = { peers: [{ worker: other } as unknown as PeerEntry] }
const want = (model: string, action: 'load' | 'unload' = 'load', name?: string) =>
  wantedModel({ action, model, ...(name === undefined ? {} : { name }) }, worker, mesh)

test('a name means what the worker holds, else what the mesh has, else what people call it', () => {
  assert.deepEqual(want('here'), { action: 'load', name: 'here' })
  assert.deepEqual(want('there'), { action: 'load', name: 'there', uri: 'hf:u/r:Q4_0' })
  const qwen = { action: 'load', name: 'qwen3-4b', uri: 'hf:Qwen/Qwen3-4B-GGUF:Q4_K_M' }
  assert.deepEqual(want('qwen3-4b'), qwen)
  assert.deepEqual(want('hf:Qwen/Qwen3-4B-GGUF:Q8_0').name, 'qwen3-4b-q8_0')
  assert.deepEqual(want('hf:u/r/sub/File.gguf').name, 'file')
  assert.deepEqual(want('u/r-GGUF', 'load', 'mine'), {
    action: 'load',
    name: 'mine',
    uri: 'hf:u/r-GGUF'
  })
})

test('a file that is on no hub comes from the workers that have it, by its digest', () => {
  const digest = 'ab'.repeat(32)
  const uri = `sha256:${digest}`
  const holder = (more: object) => ({ models: [{ name: 'tuned', ...more }], weights: [digest] })
  const wanted = (...workers: object[]) => {
    const peers = workers.map((each) => ({ worker: each }) as unknown as PeerEntry)
    return wantedModel({ action: 'fetch', model: 'tuned' }, worker, { peers })
  }
  const expected = { action: 'fetch', name: 'tuned', uri, digest }
  assert.deepEqual(wanted(holder({ digest })), expected)
  assert.deepEqual(wanted(holder({ source: uri })), expected)
  const onHub = holder({ digest, source: 'hf:u/r:Q4_0' })
  assert.deepEqual(wanted(onHub), { ...expected, uri: 'hf:u/r:Q4_0' })
  // Which of two files is meant nobody can say, and a file that is not given cannot be had.
  const other = holder({ digest: 'cd'.repeat(32) })
  assert.throws(() => wanted(holder({ digest }), other), { code: 'MODEL_NOT_FOUND' })
  const keeps = { ...holder({ digest }), weights: [] }
  assert.throws(() => wanted(keeps), { code: 'MODEL_NOT_FOUND' })
  assert.equal(want(uri).name, 'abababababab')
})

test('a path of the machine is never taken, nor a model unloaded that is not there', () => {
  for (const model of ['/etc/passwd', './m.gguf', 'file', 'sim', 'builtin']) {
    assert.throws(() => want(model), { code: 'MODEL_NOT_FOUND' }, model)
  }
  assert.throws(() => want('qwen3-4b', 'unload'), /does not hold qwen3-4b; it holds here/)
})
