import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerReport, WorkerModel } from '#shared/contracts/peers/peers.ts'
import { MemoryCatalogue } from '../../../../services/registry/peers/catalogue.ts'
import { workerModel } from '../worker-model.ts'

const DIGEST = 'd'.repeat(64)

const holding = (...models: WorkerModel[]): PeerReport => ({
  host: 'box',
  version: '1',
  worker: { models, draining: false }
})
const ready = (name: string): WorkerModel =>
  workerModel(name, 'ready', { digest: DIGEST, contextTokens: 512 })

test('a model exists while a connected worker has it ready or would load it', () => {
  const catalogue = new MemoryCatalogue(() => 5000)
  catalogue.setPeer('a', holding(ready('m'), workerModel('cold', 'loadable')))
  catalogue.setPeer('b', holding(ready('m'), workerModel('broken', 'failed')))
  const [cold, m, ...others] = catalogue.models()
  assert.deepEqual(others, [])
  assert.deepEqual([cold!.name, cold!.workers, cold!.loadable], ['cold', [], ['a']])
  assert.deepEqual([m!.name, m!.workers, m!.digest, m!.createdAt], ['m', ['a', 'b'], DIGEST, 5])
  assert.equal(m!.slots, 2 * workerModel('m', 'ready').slots, 'the slots of both workers')
  catalogue.removePeer('a')
  assert.deepEqual(
    catalogue.models().map(({ name, workers }) => ({ name, workers })),
    [{ name: 'm', workers: ['b'] }]
  )
  assert.equal(catalogue.peer('a'), undefined)
})

test('a worker that has opened a model knows more of it than one that has not', () => {
  const catalogue = new MemoryCatalogue()
  catalogue.setPeer('a', holding(workerModel('m', 'loadable', { engine: 'llama' })))
  catalogue.setPeer('b', holding(ready('m')))
  catalogue.setPeer('c', holding(workerModel('m', 'loadable', { engine: 'llama' })))
  const [m] = catalogue.models()
  assert.deepEqual([m!.engine, m!.digest, m!.contextTokens], ['sim', DIGEST, 512])
  assert.deepEqual([m!.workers, m!.loadable], [['b'], ['a', 'c']])
})

test('a model is as old as the database remembers it, also when it comes back', () => {
  let now = 60_000
  const catalogue = new MemoryCatalogue(() => now)
  catalogue.setPeer('a', holding(ready('old'), ready('new')))
  catalogue.remember(new Map([['old', 1000]]))
  now = 90_000
  catalogue.removePeer('a')
  catalogue.setPeer('b', holding(ready('old'), ready('new')))
  assert.deepEqual(
    catalogue.models().map(({ name, createdAt }) => [name, createdAt]),
    [
      ['new', 60],
      ['old', 1]
    ]
  )
})

test('of 4,096 names and one more the one that was seen first is forgotten', () => {
  let now = 60_000
  const catalogue = new MemoryCatalogue(() => now)
  catalogue.setPeer('a', holding(...Array.from({ length: 4096 }, (_, n) => ready(`m${n}`))))
  now = 90_000
  catalogue.setPeer('b', holding(ready('one more')))
  const created = new Map(catalogue.models().map(({ name, createdAt }) => [name, createdAt]))
  assert.equal(created.get('m0'), 90) // unknown again, so it counts as seen just now
  assert.equal(created.get('m1'), 60)
})
